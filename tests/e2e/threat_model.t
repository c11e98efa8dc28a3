#!/usr/bin/perl
# doc/threat-model.md against the tests that it names: each is there, each "cannot" has one,
# each wall of two is shown alone, and no role is left out.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Test::More;

my $page = slurp("$ROOT/doc/threat-model.md");
my %text;

# A test is named where its name stands in quotes, or where a function has it.
sub has_test {
    my ($file, $name) = @_;
    my $text = $text{$file} //= slurp("$ROOT/$file");
    my $escaped = $name =~ s/'/\\'/gr;
    return 1 if $text =~ /'\Q$escaped\E'|"\Q$name\E"/;
    return $file =~ /\.c$/ && $text =~ /^static void \Q$name\E\(/m && $text =~ /\b(?:cmocka_unit_test\w*|TEST|T)\(\Q$name\E\b/;
}
sub links { return map { [ /^(?:\(([\d, ]+)\) )?`(tests\/[\w\/.]+)`: "([^"]+)"$/ ] } split /; /, $_[0] }

# What is wrong with a row: (what it cannot, walls, tests).
sub faults {
    my ($walls, $tests) = @_;
    my @number = $walls =~ /\((\d)\)/g;
    my @links  = links($tests);
    my @fault;
    push @fault, 'its walls are not counted' if !@number || join('', @number) ne join '', 1 .. @number;
    push @fault, 'one wall, and it does not say so' if @number == 1 && $walls !~ /\bone wall\b/;
    push @fault, 'it says "one wall" of several'    if @number > 1 && $walls =~ /\bone wall\b/;
    push @fault, 'no test' if !@links;
    push @fault, "not understood: $tests" if grep { !@$_ } @links;
    for my $l (grep { @$_ } @links) {
        my (undef, $file, $name) = @$l;
        push @fault, "no file $file" and next if !-f "$ROOT/$file";
        push @fault, "$file has no test \"$name\"" if !has_test($file, $name);
    }
    if (@number > 1) {
        my %shown = map { $_ => 1 } map { ($_->[0] // '') =~ /\d/g } grep { @$_ } @links;
        push @fault, "wall $_ is not shown" for grep { !$shown{$_} } @number;
    }
    return @fault;
}

# ---- the checks themselves ----

my $this = '`tests/e2e/threat_model.t`: "no role is left out"';
is(join(', ', faults('(1) a; one wall', $this)), '', 'a row as it should be');
is(join(', ', faults('(1) a (2) b', "(1) $this; (2) $this")), '', 'and one with two walls');
ok(faults(@$_), "found: $_->[0] | $_->[1]") for
    [ 'a', $this ], [ '(1) a', $this ], [ '(1) a (2) b; one wall', "(1, 2) $this" ], [ '(1) a (2) b', $this ], [ '(1) a (2) b', "(1) $this" ],
    [ '(1) a; one wall', '' ], [ '(1) a; one wall', 'some test' ], [ '(1) a; one wall', '`tests/e2e/nothing.t`: "a"' ],
    [ '(1) a; one wall', '`tests/e2e/threat_model.t`: "no such ' . 'test"' ], [ '(1) a; one wall', '`tests/unit/sandbox_acts_test.c`: "assert_killed"' ];

# ---- the page ----

my (%rows, %can, $section, $table);
for my $line (split /\n/, $page) {
    $section = $1 and $table = 0 if $line =~ /^## (.+)/;
    $can{$section} = 1 if $line =~ /^\*\*If taken over it can\*\*/;
    $table = $line =~ /^\| it cannot \| held by \| tests \|$/ if $line =~ /^\|/ && !$table;
    $table = 0 if $line !~ /^\|/;
    next if !$table || $line =~ /^\| it cannot|^\|--/;
    my @cell = $line =~ /^\| (.+?) \| (.+?) \| (.+) \|$/ or fail("a row in three parts: $line"), next;
    is(join(', ', faults(@cell[ 1, 2 ])), '', "$section: it cannot $cell[0]");
    push @{ $rows{$section} }, $cell[0];
}
my @roles = ('Attackers', 'Every role', qw(tls gate broker signer audit fetcher monitor));
is(join(' ', grep { !$rows{$_} } @roles), '', 'no role is left out');
is(join(' ', grep { !$can{$_} } grep { !/Attackers|Every/ } @roles), '', 'of each it is said what it can');
for my $file (map { s/^\Q$ROOT\E\///r } glob("$ROOT/tests/e2e/redteam*.t $ROOT/tests/unit/sandbox_*_test.c"), "$ROOT/tests/e2e/signer_oracle.t") {
    next if $file =~ /table|golden|simul|needs/;    # those do not deny
    like($page, qr/`\Q$file\E`/, "it names $file");
}
done_testing;
