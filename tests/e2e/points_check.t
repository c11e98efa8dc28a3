#!/usr/bin/perl
# What the command line makes of a list of points: policy check holds policy and list against
# each other, explain and decode speak in names; and a gate with very many points.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use JSON::PP;
use Raw104;
use Test::More;

my $dir = scratch();
my $csv = spew("$dir/p.csv", <<'C');
name;ca;ioa;type;unit;min;max;select;role
F1 breaker;1;1001;C_SC_NA_1;;;;yes;OPERATOR
F1 isolator;1;1002;C_DC_NA_1;;;;;
F2 setpoint;1;1301;C_SE_NC_1;kV;-0,5;110;;
F2 state;1;1;M_SP_NA_1;;;;;
F3 breaker;2;1001;C_SC_NA_1;;;;;
C
my $policy = spew("$dir/p.policy", <<'P');
control = { default = "refuse"; rules = (
  { name = "feeders"; types = [ "C_SC_NA_1" ]; ca = [ 1 ]; ioa = [ "1000-1005", "1300" ]; },
  { name = "set"; types = [ "C_SE_NC_1" ]; ca = [ 1 ]; ioa = [ 1301 ]; value = [ -1.0, 110.0 ]; },
  { name = "none"; types = [ "C_DC_NA_1" ]; ca = [ 2 ]; },
  { name = "read"; types = [ "C_RD_NA_1" ]; ca = [ 1 ]; },
  { name = "named"; points = [ "F3*" ]; limits_from_points = true; },
  { name = "station"; types = [ "C_IC_NA_1" ]; ca = [ 1 ]; } ); };
P
sub gate104 { my @r = run_command([ bin('gate104'), @_ ]); return wantarray ? @r : $r[1] }

my ($status, $out, $err) = gate104('policy', 'check', '--points', $csv, $policy);
is($status, 1, 'a policy that does not agree with the list');
like($out, qr/p\.csv: 5 points; their names take \d+ KiB in audit\n/, 'what the names cost');
like($out, qr/p\.policy: 6 rules;.*\n  compiled: \d+ KiB for each gate/, 'what the policy costs');
my @lines = grep { /: (?:warning|note): / } split /\n/, $out =~ s{\Q$dir/\E}{}gr;
my @expected = (
    'p.policy:2: warning: the rule requires no select, as the list does of 1 point, first "F1 breaker" (p.csv:2)',
    'p.policy:2: warning: the rule is for everybody, and the list names a role for 1 point, first "F1 breaker" (p.csv:2)',
    'p.policy:2: note: the rule lets 5 object addresses pass that the list does not have: CA 1 IOA 1000, CA 1 IOA 1003-1005, CA 1 IOA 1300',
    'p.policy:3: warning: the rule lets numbers pass that are beyond min or max of 1 point, first "F2 setpoint" (p.csv:4)',
    'p.policy:4: warning: the rule is about no point of p.csv',
    'p.policy:5: note: the rule lets any object address pass, listed or not',
);
is(scalar(@lines), scalar(@expected), 'as many remarks as expected') or diag $out;
like($lines[$_] // '', qr/^\Q$expected[$_]\E(?:;|$)/, $expected[$_]) for 0 .. $#expected;
like($out, qr/no rule lets these commands pass:\n  "F1 isolator" \(\S+p\.csv:3\) C_DC_NA_1, CA 1 IOA 1002\n$/, 'commands without a rule');
($status, $out, $err) = gate104('policy', 'check', $policy);
is($status, 2, 'without the list');
like($err, qr/p\.policy:6: error: .*there is no list of them.*--points FILE\.csv/, 'the rule that names points is an error');
is((gate104('policy', 'check', '--points', "$dir/none.csv", $policy))[0], 2, 'a list that is not there');
is((gate104('policy', 'check', '--points', $csv))[0], 2, 'no policy');

my $examples = "$ROOT/doc/examples";
($status, $out) = gate104('policy', 'check', '--points', "$examples/rtu-7.csv", "$examples/points.policy");
is($status, 0, 'the examples agree') or diag $out;

my $single = '680e00000000' . '2d0106000100e9030001';
($status, $out) = gate104('policy', 'explain', $policy, '--points', $csv, '--role', 'OPERATOR', $single);
like($out, qr/^about the point "F1 breaker"\nline 2 \(feeders\) decides: pass\n/, 'explain names the point');
($status, $out) = gate104('policy', 'explain', $policy, '--points', $csv, $single =~ s/0100e903/0200e903/r);
like($out, qr/^about the point "F3 breaker"\n.*line 6 \(named\) decides: pass\n/s, 'and the rule that names it decides');
is((gate104('policy', 'explain', $policy, '--points', $csv, '--points', $csv, $single))[0], 2, 'one list only');

($status, $out) = gate104('decode', '--points', $csv, '--policy', $policy, '--role', 'OPERATOR', $single);
is($status, 0, 'decode with a policy that names points');
like($out, qr/^  object 1: IOA 1001 "F1 breaker"$/m, 'decode names the object');
like(scalar(gate104('decode', '-b', '--points', $csv, $single)), qr/IOA 1001 "F1 breaker": accepted/, 'in a line');
($status, $out) = gate104('decode', '-j', '--points', $csv, '6810000000000182030001000100000001' . '00');
is_deeply([ map { $_->{point} } @{ decode_json($out)->{objects} } ], [ 'F2 state', undef ], 'each object, in JSON');
is((gate104('decode', '--points', "$dir/none.csv", $single))[0], 2, 'a list that is not there');

# The rule that names a point against one that has its addresses.
my $plain = spew("$dir/plain.policy", slurp($policy) =~ s/points = \[ "F3\*" \]; limits_from_points = true;/types = [ "C_SC_NA_1" ]; ca = [ 2 ]; ioa = [ 1001 ];/r);
($status, $out) = gate104('policy', 'diff', '--points', $csv, $policy, $plain);
is("$status $out", "0 no difference in what may pass\n", 'diff sees what names mean');
spew("$dir/wider.policy", slurp($plain) =~ s/ioa = \[ 1001 \]/ioa = [ "1001-1002" ]/r);
($status, $out) = gate104('policy', 'diff', '--points', $csv, $policy, "$dir/wider.policy");
like($out, qr/newly allowed.*C_SC_NA_1.*1002/s, 'and what they do not');
is((gate104('policy', 'diff', $policy, $plain))[0], 3, 'not without the list');

subtest 'a list for several routes, with another each' => sub {
    my $conf = write_config(dir => scratch(), routes => [ map { { name => "r$_", mode => 'protect-rtu', listen => [ "127.0.0.1:" . free_port() ],
        rtu => ['127.0.0.1:9'], policy => 'same.policy', points => "$_.csv" } } 1, 2 ]);
    spew("$conf/same.policy", 'control = { rules = ( { points = [ "breaker" ]; } ); };');
    spew("$conf/$_.csv", "name,ca,ioa,type\nbreaker,$_,1001,C_SC_NA_1\nother,$_,7,C_SC_NA_1\n") for 1, 2;
    my ($status, $out, $err) = gate104('policy', 'check', '--config', "$conf/gate104.conf");
    is($status, 0, 'good') or diag $err;
    is(() = $out =~ m{/same\.policy: 1 rule;}g, 2, 'compiled for each list');
    like($out, qr{1\.csv:3\).*2\.csv:3\)}s, 'and held against each');
};

subtest 'very many points' => sub {
    my $n   = 100_000;
    my $pki = pki();
    my $rtu = Raw104->listener;
    my $port = free_port();
    my $ioa = sub { 1 + $_[0] * 7919 % 15_999_983 };
    my $dir = write_config(routes => [ { name => 'many', mode => 'protect-rtu', listen => ["127.0.0.1:$port"],
        rtu => ["127.0.0.1:$rtu->{port}"], enforce => \'true', points => 'many.csv',
        policy_text => "control = { rules = (\n" . join(",\n", map { qq({ name = "r$_"; points = [ "Feeder $_ breaker" ]; }) } 0 .. $n - 2) . ' ); };' } ]);
    spew("$dir/many.csv", join "\n", 'name,ca,ioa,type', map({ "Feeder $_ breaker," . ($_ % 500 + 1) . ',' . $ioa->($_) . ',45' } 0 .. $n - 1), '');
    my $gate = start_gate104($dir, seconds => 60);
    my ($m, $s) = Raw104->through($port, $pki, $rtu);
    ok($s, 'a session') or return;
    my @asked = (0, 77_777, $n - 2, $n - 1);
    for my $i (@asked) {
        my $asdu = sprintf '2d0106%s%s01', '00' . unpack('H4', pack 'v', $i % 500 + 1), unpack 'H6', pack 'V', $ioa->($i);
        $m->send($m->i($asdu));
        is(defined($i < $n - 1 ? $s->until_asdu(qr/^$asdu/) : $m->until_asdu(qr/^2d0147/)), 1, "point $i");
    }
    ok(wait_until(sub { (grep { $_->{point} } records($dir)) >= @asked }), 'all is in the log');
    is(join(', ', map { "$_->{point} " . ($_->{rule} // '-') } grep { $_->{point} } records($dir)),
        join(', ', map { "Feeder $_ breaker " . ($_ < $n - 1 ? "r$_" : 'default') } @asked), 'with their names and rules');
    my ($audit) = grep { slurp("/proc/$_/cmdline") =~ /gate104-audit/ } children_of($gate->{pid});
    cmp_ok(memory_kb($audit), '<', 48 * 1024, 'audit stays small') if $audit;
    is(stop_process($gate, 'TERM'), 0, 'clean stop');
    ($status, $out) = gate104('policy', 'replay', '--conf', "$dir/gate104.conf", '--route', 'many', '--json', "$dir/log");
    is($status, 1, 'replay takes the list of the route');
    is(scalar(grep { ($_->{verdict} // '') eq 'refuse' } json_lines($out)), 1, 'and refuses the one point without a rule') or diag $out;
};
done_testing;
