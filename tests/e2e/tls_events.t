#!/usr/bin/perl
# The document of security events is what the tables say, and the text on coverage of
# IEC 62351 names tests and files that exist.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Test::More;

my (undef, $made) = run_command([ "$ROOT/tests/lib/event-table" ]);
is(slurp("$ROOT/doc/security-events.md"), $made, 'doc/security-events.md is as tests/lib/event-table makes it');
cmp_ok(scalar(() = $made =~ /^\| IEC62351-/mg), '>', 80, 'and has all rows');
cmp_ok(scalar(() = $made =~ /X509_V_ERR_/g), '>', 90, 'with the verdicts that lead to them');

my $coverage = slurp("$ROOT/doc/coverage-62351.md");
my %seen;
my @missing;
for my $line (split /\n/, $coverage) {
    next if $line =~ /\bTODO\b/;    # told by a part that is not there yet
    for my $path ($line =~ m{`((?:certs|proxy|policy|sandbox|tests|doc)/[\w./-]+)`}g) {
        $seen{$path}++;
        push @missing, $path if !-e "$ROOT/$path";
    }
    for my $test ($line =~ m{`(\w+_test): \w+`}g) {
        push @missing, $test if !-e "$ROOT/tests/unit/$test.c";
    }
    while ($line =~ m{`(\w+_test): (\w+)`}g) {
        push @missing, "$1: $2" if slurp("$ROOT/tests/unit/$1.c") !~ /\b\Q$2\E\b/;
    }
}
is(join(', ', @missing), '', 'doc/coverage-62351.md names what is there');
cmp_ok(scalar keys %seen, '>', 10, 'and names some');
for my $id ((map { "G$_" } 1 .. 3), (map { "T$_" } 1 .. 12), (map { "R$_" } 1 .. 9), (map { "N$_" } 1 .. 14), (map { "K$_" } 1 .. 11), (map { "X$_" } 1 .. 8)) {
    next if $coverage =~ /^\| [^|]*\b$id\b[^|]*\|/m;
    fail("doc/coverage-62351.md has a row for $id");
}
done_testing;
