# SPDX-License-Identifier: GPL-3.0-or-later
# What programmers use, and what it gives on every Linux: make with gcc, git, curl to a server here, sqlite3.
set -eu
rm -rf tools.work
mkdir tools.work
cd tools.work
export HOME=$PWD GIT_CONFIG_NOSYSTEM=1

mkdir project
cd project
printf 'int half(int n) { return n / 2; }\n' >half.c
printf '#include <stdio.h>\nint half(int);\nint main(void) { printf("%%d\\n", half(84)); return 0; }\n' >main.c
printf 'program: main.o half.o\n\t$(CC) -o $@ $^\n%%.o: %%.c\n\t$(CC) -O2 -c -o $@ $<\ntest: program\n\t./program\n' >Makefile
make -s -j2 CC=gcc test
touch half.c
make -n CC=gcc program

export GIT_AUTHOR_DATE='1000000000 +0000' GIT_COMMITTER_DATE='1000000000 +0000' GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@a
export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@a
git init -q -b main .
printf 'program\n*.o\n' >.gitignore
git add .
git commit -q -m first
git checkout -q -b side
for i in $(seq 30); do echo "line $i" >"file$i"; done
git add .
git commit -q -m second
git checkout -q main
git merge -q --no-ff -m merged side
git gc -q
git fsck --strict 2>&1
git log --topo-order --format='%H %s'
git clone -q . ../clone
git -C ../clone status --short
git -C ../clone rev-parse HEAD
cd ..

python3 - <<'END' &
import http.server, os
os.chdir("project")
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
server.RequestHandlerClass.log_message = lambda *_: None
with open("../port.new", "w") as file:
    file.write(str(server.server_port))
os.rename("../port.new", "../port")
for _ in range(3):
    server.handle_request()
END
while [ ! -e port ]; do sleep 0.05; done
curl -sS "http://127.0.0.1:$(cat port)/half.c"
curl -sS -o got "http://127.0.0.1:$(cat port)/main.c"
cmp got project/main.c
curl -sS -o /dev/null -w '%{http_code}\n' "http://127.0.0.1:$(cat port)/none"
wait

sqlite3 data.db 'create table t(a integer primary key, b text); with recursive n(i) as (values(1) union all select i+1 from n
    where i < 500) insert into t select i, printf("row %d", i * i) from n; create index x on t(b); pragma integrity_check;
    select count(*), sum(a), max(b) from t; begin; delete from t where a % 2; rollback; select count(*) from t;'
cd ..
rm -rf tools.work
