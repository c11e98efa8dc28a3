#!/usr/bin/perl
# gate104 policy: what a file can never do, what it costs, and which rule decides.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Test::More;

my $dir = scratch();
my $file = spew("$dir/p.policy", <<'P');
role_names = { DISPATCH = -1; };
control = { default = "refuse"; rules = (
  { name = "feeder"; types = [ "C_SC_NA_1" ]; ca = [ 1 ]; ioa = [ "1-100" ]; action = "refuse"; },
  { name = "late"; types = [ "C_SC_NA_1" ]; ca = [ 1 ]; ioa = [ "5-10" ]; },
  { name = "wide"; types = [ "C_SC_NA_1" ]; ca = [ 1 ]; ioa = [ "50-200" ]; select = "required"; rate = "3/min"; },
  { types = [ "C_SE_NC_1" ]; roles = [ "DISPATCH" ]; value = [ 0, 10 ]; } ); };
P
my @gate = (bin('gate104'), 'policy');

sub why_of { my ($status, $out, $err) = run_command([ @gate, 'explain', $file, @_ ]); return ($status, "$out$err") }
sub single  { my ($ioa) = @_; return '680e00000000' . '2d0106000100' . unpack('H6', pack 'V', $ioa) . '01' }
sub level   { my ($v) = @_; return '681200000000' . '320106000100010000' . unpack('H*', pack 'f<', $v) . '00' }

my ($status, $out, $err) = run_command([ @gate, 'check', $file ]);
is($status, 1, 'a rule that never decides');
like($out, qr/p\.policy: 4 rules; what none matches: control refuse, monitor pass\n  compiled: \d+ KiB/, 'what it costs');
like($out, qr/p\.policy:4: warning: the rule never decides:.*line 3 \(feeder\)/, 'both lines are named');
like($out, qr/p\.policy:5: note: the rule comes second where it meets line 3 \(feeder\)/, 'as of those that meet');
($status) = run_command([ @gate, 'check', map { "$ROOT/doc/examples/$_.policy" } qw(rtu-7 roles read-only old-master) ]);
is($status, 0, 'the examples are good');
spew("$dir/bad.policy", "control = { rules = ( { types = [ \"C_SC_NA1\" ]; } ); };\n");
($status, $out, $err) = run_command([ @gate, 'check', "$dir/bad.policy", $file ]);
is($status, 2, 'a file that is no policy');
like($err, qr/bad\.policy:1: error: .*did you mean "C_SC_NA_1"/, 'is told with line and remedy');
like($out, qr/p\.policy: 4 rules/, 'and the others are looked at');
is((run_command([ @gate, 'check' ]))[0], 2, 'no file');

($status, $out) = why_of('--role', 'DISPATCH', single(150));
is($status, 0, 'what may pass');
is($out, "line 3 (feeder): it does not name the object address\nline 4 (late): it does not name the object address\n"
    . "line 5 (wide) decides: pass\n  if the session selected it before\n  at most 3 in 60 s for each session\n", 'and why');
($status, $out) = why_of('--role', 'DISPATCH', single(60));
is("$status $out", "1 line 3 (feeder) decides: refuse\n", 'what may not');
($status, $out) = why_of(single(150));
like($out, qr/decides: pass\nbut the file has rules for roles/, 'a master without a role');
is($status, 1, 'gets nothing through');
($status, $out) = why_of('--role', 'DISPATCH', level(11));
like($out, qr/line 6: the value is outside.*no rule matches: refuse/s, 'a value out of range');
($status, $out) = why_of('--role', 'OPERATOR', level(5));
like($out, qr/line 6: it is for other roles/, 'another role');
($status, $out) = why_of('--role', 'DISPATCH', level(5) =~ s/(..)/$1:/gr =~ s/:$//r);
is($status, 0, 'hex as others write it');
($status, $out) = why_of('680e00000000' . '2d0106000100010000' . '03');
like($out, qr/no policy is asked: /, 'what is malformed');
for my $case ([ 'xyz' ], [ '680e' ], [ '--role', 'NOBODY', single(1) ], [ single(1), single(2) ], [], [ '680443000000' ]) {
    ($status, $out) = why_of(@$case);
    is($status, 2, 'wrong usage: ' . join ' ', @$case);
}
done_testing;
