#!/usr/bin/perl
# The table of doc/log-format.md on what happens when the log fails: each row names a test
# that is there, and is run.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Test::More;

my ($section) = slurp("$ROOT/doc/log-format.md") =~ /^### When the log fails\n(.*?)^## /ms or die 'no such section';
my @rows = grep { !/^\| (?:event|---)/ && !/^\|---/ } $section =~ /^(\|.*\|)$/mg;

cmp_ok(scalar @rows, '>=', 18, 'rows');
for my $row (@rows) {
    my (undef, $event, $behaviour, $test) = map { s/^\s+|\s+$//gr } split /\|/, $row;
    my ($file, $name) = $test =~ /^((?:unit|e2e)\/\w+\.[ct]): (.+)$/ or do { fail("$event: names no test"); next };
    my $text = -e "$ROOT/tests/$file" ? slurp("$ROOT/tests/$file") : '';
    my $run = $file =~ /\.t$/ ? qr/^\s*subtest '\Q$name\E' => sub/m : qr/^\s+(?:T|cmocka_unit_test)\(\Q$name\E\),$/m;
    like($text, $run, "$event: tests/$file runs \"$name\"");
}

done_testing();
