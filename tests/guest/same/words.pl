# SPDX-License-Identifier: GPL-3.0-or-later
# Prints what every correct machine computes alike: hashes, sorting, expressions, numbers as text.
use strict;
use warnings;

my $state = 12345;
sub next_number { return $state = ($state * 1103515245 + 12345) & 0x7fffffff; }

my %count;
for (1 .. 20000) {
    my $word = join '', map { chr(97 + next_number() % 7) } 1 .. 3;
    $count{$word}++;
}
print join(' ', map { "$_=$count{$_}" } (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[0 .. 20]), "\n";

my $text = join ' ', map { sprintf '%x', next_number() } 1 .. 5000;
my $changed = ($text =~ s/([0-9]+)([a-f]+)/$2-$1/g);
print "$changed ", unpack('%32C*', $text), "\n";
print join(',', (sort { $a <=> $b } map { next_number() } 1 .. 3000)[0, 100, 1000, 2999]), "\n";
printf "%.15g %.15g %s\n", 1 / 3, 2**0.5, 1e15 / 7;
my ($sum, $product) = (0, 1);
for my $n (1 .. 2000) {
    $sum += 1 / ($n * $n);
    $product = ($product * $n) % 1000003 || 1;
}
printf "%.15g %d\n", $sum, $product;
print unpack('H*', pack('w/a N n C d f', 'armature', 0xdeadbeef, 513, 7, 0.1, 0.1)), "\n";
my @lines = map { "$_:" . next_number() % 100 } 1 .. 200;
print scalar(grep { /:(\d)\1$/ } @lines), ' ', join('|', reverse @lines[0 .. 5]), "\n";
