-- SPDX-License-Identifier: GPL-3.0-or-later
-- Rows made, indexed, joined, grouped, changed and deleted; :n says how many.
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, place INTEGER, price INTEGER);
WITH RECURSIVE number(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number WHERE i < :n)
INSERT INTO item SELECT i, 'item-' || (i * 7919 % 10007), i * 31 % 97, i * 17 % 1009 FROM number;
CREATE INDEX item_name ON item (name);
CREATE INDEX item_place ON item (place, price);
SELECT place, count(*), sum(price), max(name) FROM item GROUP BY place ORDER BY 3 DESC LIMIT 10;
SELECT count(*), sum(a.price * b.price) FROM item a JOIN item b ON b.name = a.name AND b.id > a.id;
UPDATE item SET price = price + 1, name = upper(name) WHERE place % 3 = 0;
DELETE FROM item WHERE name LIKE '%77%';
SELECT count(*), sum(price), sum(length(name)) FROM item;
