# SPDX-License-Identifier: GPL-3.0-or-later
# A mix of what Perl programs do: hashes, regular expressions, sorting, joining and splitting.
use strict;
use warnings;

my $turns = $ARGV[0] || 1;
for my $turn (1 .. $turns) {
    my (%count, @lines);
    for my $i (0 .. 4000) {
        my $word = join '', map { chr(97 + ($i * $_ + $turn) % 26) } 1 .. 5;
        $count{$word} += $i;
        push @lines, "$i\t$word\t" . ($i * 31 % 997) if $word =~ /[aeiou].*[aeiou]/;
    }
    my $sum = 0;
    for my $line (sort { (split /\t/, $a)[2] <=> (split /\t/, $b)[2] || $a cmp $b } @lines[0 .. $#lines / 4]) {
        my ($number, $word, $rest) = $line =~ /^(\d+)\t(\w+)\t(\d+)$/;
        $word =~ tr/a-m/n-z/;
        $sum = ($sum * 33 + $number + $rest + length $word) % 1000003;
    }
    print scalar(keys %count), " $sum\n";
}
