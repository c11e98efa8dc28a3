#!/usr/bin/perl
# gate104 decode against two programs that know 104 and nothing of gate104: tshark and
# scapy.  What they may disagree on is doc/differences.md; see there.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use JSON::PP;
use Test::More;

my $DIR      = scratch();
my $TOOLS    = "$ROOT/tests/oracle";
my $CAPTURES = "$ROOT/../shared/data/captures";
my $SCAPY    = 'import sys, logging; logging.disable(50); import scapy.contrib.scada.iec104';
my ($PYTHON) = grep { (run_command([ $_, '-c', $SCAPY ], seconds => 60))[0] == 0 } qw(/usr/bin/python3 python3);

die bin('gate104') . " is not built: make programs\n" if !-x bin('gate104');
plan skip_all => 'no tshark (package tshark)' if qx(tshark --version 2>/dev/null) eq '';
plan skip_all => 'no scapy (package python3-scapy)' if !$PYTHON;

# What judge.py says of a capture.
sub judge {
    my (@arguments) = @_;
    my ($status, $out, $err) = run_command([ $PYTHON, '-B', "$TOOLS/judge.py", bin('gate104'), @arguments ], seconds => 300);
    is($status, 0, 'everybody could read it') or diag $err;
    return $status == 0 ? decode_json($out) : {};
}

sub explained {
    my ($verdict, $oracle, $least) = @_;
    my $it = $verdict->{$oracle};
    is($it->{unexplained}, 0, "$oracle: whatever it reads otherwise is in doc/differences.md")
        or diag join "\n", @{ $it->{unexplained_some} // [] };
    cmp_ok($it->{fields}, '>=', $least, "$oracle: $it->{apdus} APDUs, $it->{fields} fields the same");
}

# ---- generated -----------------------------------------------------------------------

my $SEED = $ENV{GATE104_ORACLE_SEED} // 104;
my ($status, undef, $err) = run_command([ $PYTHON, '-B', "$TOOLS/corpus.py", $DIR, $SEED ], seconds => 60);
is($status, 0, "a corpus is generated (GATE104_ORACLE_SEED=$SEED)") or diag $err;
my $verdict = judge("$DIR/corpus.pcap", "$DIR/corpus.index");

sub as_expected {
    my ($verdict, $name) = @_;
    is($verdict->{unexpected}, 0, $name) or diag join "\n", @{ $verdict->{unexpected_some} // [] };
}

subtest 'by the standard' => sub {
    as_expected($verdict, 'every APDU is accepted or refused as the standard wants');
    is($verdict->{types}, 54, 'of all types of 104');
    cmp_ok($verdict->{kinds}{valid} // 0, '>=', 1000, ($verdict->{kinds}{valid} // 0) . ' valid APDUs');
    cmp_ok($verdict->{verdicts}{$_} // 0, '>=', 300, ($verdict->{verdicts}{$_} // 0) . " $_")
        for qw(accepted tolerated illegal malformed incomplete);
    my $sweep = judge("$DIR/sweep.pcap", "$DIR/sweep.index", '--alone');
    as_expected($sweep, 'as is every cause, and every octet of the elements');
    cmp_ok($sweep->{verdicts}{$_} // 0, '>=', 4000, ($sweep->{verdicts}{$_} // 0) . " of these $_") for qw(accepted illegal);
};

subtest 'by the oracles' => sub {
    explained($verdict, $_, 100_000) for qw(tshark scapy);
    is_deeply($verdict->{alone}, [], 'every field is read by one of them as it is here');
};

subtest 'the rows of doc/differences.md' => sub {
    my @lines = split /\n/, slurp("$ROOT/doc/differences.md");
    my %row = map { /^\| `([\w-]+)` \| ([\w, ]+?) \|/ ? ($1 => $2) : () } @lines;
    is(scalar(grep { /^\| `/ } @lines), scalar keys %row, 'each with an id of its own');
    is_deeply({ map { $_ => join ', ', sort { $b cmp $a } keys %{ $verdict->{rows}{$_} } } keys %{ $verdict->{rows} } }, \%row,
              'are those of tests/oracle/differences.py, with the same oracles');
    my @stale;
    for my $id (sort keys %{ $verdict->{rows} }) {
        push @stale, map { "$id: $_" } grep { !$verdict->{rows}{$id}{$_} } sort keys %{ $verdict->{rows}{$id} };
    }
    is_deeply(\@stale, [], 'and each is needed');
};

# ---- captures of devices -------------------------------------------------------------

subtest 'captures of devices' => sub {
    my @captures = glob "$CAPTURES/*.pcap";
    plan skip_all => "no captures in $CAPTURES" if !@captures;
    for my $file (@captures) {
        my ($name) = $file =~ m{([^/]+)$};
        subtest $name => sub {
            # The numbers of these stand still.
            my $it = judge($file, $name =~ /^heinrihs/ ? '--per-packet' : ());
            explained($it, $_, 40) for qw(tshark scapy);
        };
    }
};

done_testing();
