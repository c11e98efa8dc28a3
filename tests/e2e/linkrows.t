#!/usr/bin/perl
# Every row of doc/link-state.md has its cases in tests/unit/link_rows.def, every case its
# row, and both name the same reasons for closing.
use strict;
use warnings;
use Cwd qw(abs_path);
use FindBin;
use Test::More;

my $ROOT = abs_path("$FindBin::Bin/../..");

sub lines {
    my ($path) = @_;
    open my $fh, '<', "$ROOT/$path" or die "$path: $!";
    return <$fh>;
}

my (%row, @twice, @misplaced);
my $last = '';
for (lines('doc/link-state.md')) {
    next unless /^\|\s*(L-\S*)/;
    my $id = $1;
    my @cell = map { s/^\s+|\s+$//gr } split /(?<!\\)\|/, $_;
    push @twice, $id if exists $row{$id};
    push @misplaced, $id if $id !~ /^L-\d\d$/ || $id le $last || @cell != 7;
    $row{$id} = $cell[5];
    $last = $id;
}

my (%case, %reasons, %name, @again);
my $id;
for (lines('tests/unit/link_rows.def')) {
    if (/^\{"(L-\d\d) (\w+)",/) {
        $id = $1;
        $case{$id}++;
        push @again, "$1 $2" if $name{"$1 $2"}++;
    } elsif (/^\{/) {
        fail("a case without an id: $_");
    }
    $reasons{$id}{$1} = 1 while defined $id && /!([\w-]+)/g;
}

cmp_ok(scalar keys %row, '>', 50, 'the table was found');
is("@twice", '', 'no id stands for two rows');
is("@misplaced", '', 'ids rise, each row has five cells');
is("@again", '', 'no two cases have one name');
is(join(' ', grep { !$case{$_} } sort keys %row), '', 'no row without a case');
is(join(' ', grep { !exists $row{$_} } sort keys %case), '', 'no case without a row');
for (sort keys %row) {
    is(join(' ', sort keys %{ $reasons{$_} // {} }), $row{$_}, "reason of $_")
        if exists $case{$_};
}
done_testing;
