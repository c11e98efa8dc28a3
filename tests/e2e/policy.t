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
for my $preset (glob "$ROOT/doc/policies/*.policy") {
    ($status, $out, $err) = run_command([ @gate, 'check', $preset ]);
    is("$status$err", 0, $preset =~ s{.*/}{}r . ' is good');
    unlike($out, qr/note|warning/, 'and has nothing to be said of');
}
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

# ---- who asks, and when ----

$file = spew("$dir/who.policy", <<'P');
time_zone = "Europe/Berlin";
peer_names = { crew = [ "subject:CN=a,O=b", "dns:a.example" ]; };
control = { rules = (
  { name = "crew"; types = [ "C_SC_NA_1" ]; peers = [ "crew" ]; },
  { name = "net";  types = [ "C_SC_NA_1" ]; from = [ "10.1.0.0/16", "2001:db8::/32" ]; },
  { name = "day";  types = [ "C_SC_NA_1" ]; time = [ "Mon-Fri 07:00-19:00" ]; },
  { name = "week"; types = [ "C_SC_NA_1" ]; time = [ "Sat,Sun" ]; action = "drop"; },
  { name = "far";  types = [ "C_SE_NC_1" ]; value = [ 0, 9 ]; step = 2.5; },
  { name = "old";  types = [ "C_SC_TA_1" ]; max_age = "1500ms"; } ); };
P
my @night = ('--at', 'Mon 06:59');
for my $case (
    [ 0, 'line 4 (crew) decides: pass', '--peer', 'subject:CN=a,O=b' ],
    [ 0, 'line 4 (crew) decides: pass', '--peer', 'issuer:CN=x', '--peer', 'dns:b', '--peer', 'dns:A.example' ],
    [ 0, 'line 5 (net) decides: pass', '--peer', 'subject:CN=a', '--from', '10.1.2.3' ],
    [ 0, 'line 5 (net) decides: pass', '--from', '2001:db8::7' ],
    [ 0, 'line 6 (day) decides: pass', '--at', 'Fri 18:59', '--from', '10.2.2.3' ],
    [ 0, 'line 6 (day) decides: pass', '--at', '2026-03-30T05:00Z' ],    # summer time since a day
    [ 1, 'no rule matches: refuse', '--at', '2026-03-27T05:00Z' ],
    [ 1, 'line 7 (week) decides: drop', '--at', '2026-03-28T23:30:00Z' ],
    [ 1, 'line 7 (week) decides: drop', '--at', 'unknown' ],
    [ 1, 'no rule matches: refuse', @night ],
) {
    my ($code, $want, @options) = @$case;
    ($status, $out) = why_of(@options, single(1));
    is($status, $code, "@options");
    like($out, qr/\Q$want\E\n\z/, 'and why');
}
($status, $out) = why_of('--peer', 'subject:CN=x', '--at', 'unknown', single(1));
is($out, "line 4 (crew): it is for other certificates\nline 5 (net): it is for other source addresses\n"
    . "line 6 (day): it is for certain times, and no clock is trusted\nline 7 (week) decides: drop\n", 'each rule says why not');
($status, $out) = why_of(@night, single(1));
like($out, qr/line 7 \(week\): it is for other times/, 'as another time');
($status, $out) = why_of(level(5));
like($out, qr/decides: pass\n  if it is at most 2.5 from the value before, and anything in range if there is none\n\z/, 'a step');
($status, $out) = why_of('681500000000' . '3a0106000100010000' . '01' . '00000000010118');
like($out, qr/decides: pass\n  if its time tag is at most 1.5 s old\n\z/, 'an age');
for my $case ([ '--peer', 'CN=a' ], [ '--peer', 'subjekt:CN=a' ], [ '--from', '10.1.0.0/16' ], [ '--from', 'x' ], [ '--at', 'now' ],
    [ '--at', 'Mon' ], [ '--at', '2026-13-01T00:00Z' ], [ '--at', '2026-03-28T23:30' ]) {
    ($status, $out) = why_of(@$case, single(1));
    is($status, 2, "wrong usage: @$case");
    like($out, qr/write|did you mean|names/, 'and what is right') if $out !~ /^usage/;
}

for my $case ([ 'xyz' ], [ '680e' ], [ '--role', 'NOBODY', single(1) ], [ single(1), single(2) ], [], [ '680443000000' ]) {
    ($status, $out) = why_of(@$case);
    is($status, 2, 'wrong usage: ' . join ' ', @$case);
}
done_testing;
