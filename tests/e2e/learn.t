#!/usr/bin/perl
# The way to enforcement: a route that only observes, `policy learn` from its log, `policy
# replay` of the same log, and the learned policy enforced.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Test::More;

my @policy = (bin('gate104'), 'policy');
my $rtu    = start_rtu();
my $work   = scratch();
my $n      = 0;

sub policy { return run_command([ @policy, @_ ]) }

sub route {
    my ($policy, $enforce) = @_;
    return start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"], enforce => \$enforce, record_points => 'all',
                         policy_text => $policy });
}

my @commands = ('gi', 'clock', 'single 1001 on select execute', 'single 1002 off select execute', 'single 1003 on select execute',
                'single 1005 on', 'double 1101 on', 'setpoint-float 1301 42.5', 'setpoint-float 1301 -0.125', 'read 601', 'test');
my $nothing = qq(monitor = { default = "pass"; };\ncontrol = { default = "refuse"; };\n);

# What a master does all day, through a route that lets everything pass and says what it
# would have refused.
sub observe {
    my $g = route($nothing, 'false');
    my $m = run_master($g->{port}, tls_client(pki()), @commands, 'single 4711 on');
    is($m->{status}, 0, 'all passes') or diag $m->{err};
    ok(wait_record($g->{dir}, { event => 'session.close' }), 'the end');
    is(stop_process($g->{gate}, 'TERM'), 0, 'stopped');
    return "$g->{dir}/log";
}

my $log = observe();
my ($status, $out, $err) = policy('learn', '--out', "$work/new.policy", $log);
is($status, 0, 'learned') or diag "$out$err";
my $learned = slurp("$work/new.policy");

subtest 'the report' => sub {
    like($err, qr/^seen: \d{4}-.*, 1 session$/m, 'when');
    like($err, qr/^commanding: "[^"]+ \(127\.0\.0\.1\)"$/m, 'who');
    like($err, qr/^  C_SC_NA_1 +8 APDUs, 5 points$/m, 'commands');
    like($err, qr/^  M_SP_NA_1 +\d+ APDUs?, 100 points$/m, 'values');
    like($err, qr/^rules: 3 that read; proposed for commands: 5, for 7 points$/m, 'rules');
    like($err, qr/^not proposed: 1 point that the RTU never accepted$/m, 'what the RTU does not know');
    like($err, qr/^quirks:\n  none$/m, 'quirks');
};

subtest 'the policy' => sub {
    my ($s, $o, $e) = policy('check', "$work/new.policy");
    is("$s$e", '0', 'check has nothing to say') or diag "$o$e";
    my ($active) = $learned =~ /^control = \{ default = "refuse"; rules = \(\n(.*?)^\) \};/ms;
    my @active = grep { !/^\s*#/ } split /\n/, $active;
    is(join(' ', map { /types = \[ "(\w+)" \]/ } @active), 'C_IC_NA_1 C_RD_NA_1 C_TS_TA_1', 'what reads passes, and nothing else');
    like($learned, qr/^#\+ *, \{ name = "C_SC_NA_1 ca 1"; types = \[ "C_SC_NA_1" \]; ca = \[ 1 \];\n#\+ *ioa = \[ "1001-1003" \];\n#\+ *select = "required";/m,
         'addresses in a row are a range; they are always selected');
    like($learned, qr/^#\+ *ioa = \[ 1005 \];\n#\+ *# rate = "1\/min"/m, 'what is used otherwise is another rule');
    like($learned, qr/^#\+ *ioa = \[ 1301 \];\n#\+ *value = \[ -0\.125, 42\.5 \];/m, 'a set point has the values that were seen');
    like($learned, qr/^  # seen 6 times, \S+Z to \S+Z, at 3 points\n  # by "[^"]+ \(127\.0\.0\.1\)"; cause activation; values 0\.0 to 1\.0; OA \[ 0 \]\n  # 3 executes, 3 selects\n  # the RTU confirmed 6\n/m,
         'with what it was learned from');
    like($learned, qr/^# Not proposed: .*\n#   C_SC_NA_1, CA 1, IOA \[ 4711 \]: 1 times/m, 'what the RTU never accepted is told, not proposed');
};

subtest 'replay, nothing accepted' => sub {
    my ($s, $o) = policy('replay', '--policy', "$work/new.policy", $log);
    is($s, 1, 'something would be refused');
    like($o, qr/^\S+Z \d+ control C_SC_NA_1 activation CA 1 IOA 1001 = on \(select\) -> refuse: no rule matches$/m, 'each command');
    unlike($o, qr/C_IC_NA_1|C_RD_NA_1|M_/, 'and nothing that reads');
    like($o, qr/^\d+ APDUs: \d+ pass, 12 would not\n      12  refuse: no rule matches$/m, 'how many');
};

# A person has read the proposals and accepts them all.
spew("$work/ok.policy", $learned =~ s/^#\+ //gmr);
is_deeply([ (policy('check', "$work/ok.policy"))[ 0, 2 ] ], [ 0, '' ], 'accepted: a good policy');

subtest 'replay, all accepted' => sub {
    my ($s, $o) = policy('replay', '--policy', "$work/ok.policy", $log);
    is($s, 1, 'one is left');
    like($o, qr/IOA 4711 = on -> refuse: no rule matches\n\d+ APDUs: \d+ pass, 1 would not\n/, 'the one that was never accepted');
    my ($js, $jo) = policy('replay', '--json', '--policy', "$work/ok.policy", $log);
    my @lines = Gate104::json_lines($jo);
    is(scalar @lines, 2, 'JSON: one, and the summary');
    is_deeply([ @{ $lines[0] }{qw(verdict rule direction)} ], [qw(refuse default control)], 'the one');
    is($lines[0]{apdu} =~ /^6[0-9a-f]{11}2d01060001006712/ ? 1 : 0, 1, 'its octets') or diag $lines[0]{apdu};
    is_deeply($lines[1]{kinds}, [ { count => 1, verdict => 'refuse', rule => 'default' } ], 'the summary');
};

subtest 'what accepting lets pass' => sub {
    my ($s, $o) = policy('diff', "$work/new.policy", "$work/ok.policy");
    is($s, 1, 'a difference');
    like($o, qr/^newly allowed: control: C_SC_NA_1, CA 1, IOA 1001-1003\n    old: refuse\n    new: pass, selected within 30 s  \[line \d+ \(C_SC_NA_1 ca 1\)\]$/m, 'in terms of permissions');
    unlike($o, qr/no longer|other conditions|C_IC/, 'and nothing else');
    ($s, $o) = policy('diff', "$work/ok.policy", "$work/ok.policy");
    is("$s $o", "0 no difference in what may pass\n", 'none to itself');
    ($s, $o) = policy('learn', '--accept-commands', '--report', "$work/report", $log);
    like(slurp("$work/report"), qr/^rules: 3 that read; accepted for commands: 5/m, '--accept-commands');
    like($o, qr/They pass because learn was called with --accept-commands/, 'says so');
    spew("$work/all.policy", $o);
    is((policy('diff', "$work/ok.policy", "$work/all.policy"))[0], 0, 'and is the same');
};

subtest 'guards that are others' => sub {
    spew("$work/guarded.policy", slurp("$work/ok.policy") . 'guards = { sweep = { points = 5; window = "60s"; }; };');
    my ($s, $o) = policy('diff', "$work/ok.policy", "$work/guarded.policy");
    is("$s $o", "1 other guard: sweep\n    old: off\n    new: alarm, limit 5, in 60000 ms\n", 'are a difference');
    ($s, $o) = policy('replay', '--policy', "$work/guarded.policy", $log);
    like($o, qr/IOA \d+ \S* ?\S* ?-> guard sweep \(alarm\): 6, limit 5 in 60000 ms; by /m, 'and a replay says what they would have seen') or diag $o;
    like($o, qr/^ +1  guard sweep tripped$/m, 'in the summary, too');
};

subtest 'enforced' => sub {
    my $g = route(slurp("$work/ok.policy"), 'true');
    my $m = run_master($g->{port}, tls_client(pki()), @commands, 'single 1004 on refused', 'single 1001 on refused',
                       'setpoint-float 1301 43 refused', 'double 1102 on refused');
    is($m->{status}, 0, 'what was learned passes, what was not is refused') or diag $m->{err};
    ok(wait_record($g->{dir}, { event => 'session.close' }), 'the end');
    is(join(' ', map { "$_->{ioa}:$_->{why}" } grep { $_->{event} eq 'policy.refused' } records($g->{dir})),
       '1004:policy 1001:no-select 1301:policy 1102:policy', 'for these reasons');
    stop_process($g->{gate}, 'TERM');
    # What was refused is told apart, and widens nothing that passed.
    my (undef, $from) = policy('learn', "$g->{dir}/log");
    like($from, qr/ALL OF THEM were refused by the policy of then\n#\+ *, \{ name = "C_SC_NA_1 ca 1".*\n#\+ *ioa = \[ 1004 \];/, 'refused, and told apart');
    like($from, qr/ioa = \[ 1301 \];\n#\+ *value = \[ -0\.125, 42\.5 \];/, 'no value that was refused');
    # The replay of an enforced log refuses what was refused.
    my ($s, $o) = policy('replay', '--conf', "$g->{dir}/gate104.conf", '--route', 'r', "$g->{dir}/log");
    is($s, 1, 'by the configuration');
    is(join(' ', $o =~ /IOA (\d+) = \S+ -> refuse: ([^\n]*)/g),
       '1004 no rule matches 1001 rule "C_SC_NA_1 ca 1", line ' . ($o =~ /line (\d+)/)[0] . ': no-select 1301 no rule matches 1102 no rule matches', 'the same')
        or diag $o;
};

subtest 'a list of points' => sub {
    spew("$work/points.csv", join "\r\n", 'name;ca;ioa;type', 'Q0;1;1;M_SP_NA_1', 'ghost;1;9999;M_SP_NA_1', 'Q0 close;1;1001;C_SC_NA_1',
        'Q8 close;1;1008;C_SC_NA_1', 'feeder set;1;1301;C_SE_NC_1', '');
    my ($s, $o, $e) = policy('learn', '--points', "$work/points.csv", $log);
    is($s, 0, 'learned');
    like($e, qr/^never seen: 2 of 5 points\n  "Q8 close" C_SC_NA_1, CA 1, IOA 1008\n  "ghost" M_SP_NA_1, CA 1, IOA 9999\n/m, 'what was never seen');
    like($e, qr/^seen and not listed: \d+ points\n/m, 'what is not listed');
    like($o, qr/^  # points: "Q0 close"\n#\+ *, \{ name = "C_SC_NA_1 ca 1"/m, 'names in proposals');
    ($s, $o) = policy('replay', '--points', "$work/points.csv", '--policy', "$work/new.policy", $log);
    like($o, qr/C_SC_NA_1 activation CA 1 IOA 1001 = on \(select\) "Q0 close" -> refuse/, 'and in a replay');
    spew("$work/named.policy", qq(control = { default = "refuse"; rules = ( { points = [ "Q0 close" ]; } ); };\n));
    ($s, $o) = policy('diff', '--points', "$work/points.csv", "$work/new.policy", "$work/named.policy");
    like($o, qr/^newly allowed: control: C_SC_NA_1, CA 1, IOA 1001$/m, 'diff of a policy that names points') or diag $o;
    spew("$work/bad.csv", "name;ca\nx;1\n");
    is((policy(@$_))[0], 3, "$_->[0]: a bad list") for [ 'learn', '--points', "$work/bad.csv", $log ],
        [ 'replay', '--points', "$work/bad.csv", '--policy', "$work/new.policy", $log ],
        [ 'diff', '--points', "$work/bad.csv", "$work/new.policy", "$work/ok.policy" ];
};

sub exported {
    (run_command([ bin('gate104'), 'log', 'export', '--pcapng', '--all', '-o', "$work/log.pcapng", $log ]))[0] == 0 or die 'no export';
    return "$work/log.pcapng";
}

# What the log holds, as packets: the same comes of it, but for who the master is.
subtest 'an export of the log' => sub {
    my $file = exported();
    my ($s, $o, $e) = policy('learn', '--accept-commands', '--out', "$work/exported.policy", $file);
    is($s, 0, 'learned') or diag $e;
    like($e, qr/^commanding: "\?"$/m, 'by a master without an address');
    is((policy('diff', "$work/all.policy", "$work/exported.policy"))[1], "no difference in what may pass\n", 'what may pass is the same');
    my $refused = sub { join ' ', (policy('replay', '--policy', "$work/ok.policy", @_))[1] =~ /IOA (\d+) .*-> refuse/g };
    is($refused->($file), '4711', 'and what a replay refuses');
    is($refused->('--port', 2405, $file), '4711', 'whatever the port of the RTU is');
};

subtest 'what cannot be used' => sub {
    my $sample = slurp("$log/gate104.jsonl");
    my ($other) = spew("$work/other.jsonl", $sample =~ s/"route":"r"/"route":"q"/gr);
    my @cases = (
        [ 'is empty',             spew("$work/empty", '') ],
        [ 'neither a session log nor a capture', spew("$work/text", "hello\n") ],
        [ 'neither a session log nor a capture', bin('gate104') ],
        [ 'has no record',        spew("$work/object", "{ \"a\": 1 }\n") ],
        [ 'No such file',         "$work/missing" ],
        [ 'no session of the route', '--route', 'x', $log ],
        [ 'several|routes r and q', $log, $other ],
        [ 'too short|cut off',    spew("$work/cut.pcap", pack('H*', 'd4c3b2a102000400')) ],
        [ 'no octets to or from TCP port 2404', spew("$work/none.pcap", pack('H*', 'd4c3b2a1020004000000000000000000ffff000001000000')) ],
        [ '--group-gap',          '--group-gap', '-1', $log ],
        [ 'is there already',     '--out', "$work/new.policy", $log ],
        [ 'usage' ],
    );
    for my $c (@cases) {
        my ($want, @args) = @$c;
        my ($s, $o, $e) = policy('learn', @args);
        is($s, 3, "learn: $want");
        like($e, qr/$want/, '... told');
        is($o, '', '... and nothing written');
        next if $want =~ /gap|already/;
        ($s, $o, $e) = policy('replay', '--policy', "$work/ok.policy", @args);
        is($s, 3, '... nor replayed');
        like($e, qr/$want/, '... told');
    }
    is(slurp("$work/new.policy"), $learned, 'no file is overwritten');
    is((policy('replay', $log))[0], 3, 'replay without a policy');
    is((policy('replay', '--policy', "$work/text", $log))[0], 3, 'nor with a bad one');
    is((policy('replay', '--policy', "$work/ok.policy", '--role', 'NOBODY', $log))[0], 3, 'nor for a role that is none');
    is((policy('diff', "$work/ok.policy"))[0], 3, 'diff of one');
    is((policy('diff', "$work/ok.policy", "$work/text"))[0], 3, 'or with what is no policy');
    my ($s, $o, $e) = policy('learn', spew("$work/bad.jsonl", $sample . "no record\n"));
    is($s, 1, 'a line that is no record is told');
    like($e, qr/^1 lines are no records/m, '... in the report');
};

subtest 'one route of several' => sub {
    my $sample = slurp("$log/gate104.jsonl");
    spew("$work/both.jsonl", $sample . ($sample =~ s/"route":"r"/"route":"q"/gr =~ s/"ioa":1001/"ioa":1009/gr));
    my ($s, $o, $e) = policy('learn', '--route', 'r', "$work/both.jsonl");
    is($s, 0, 'learned') or diag $e;
    is($o =~ s/^#.*\n//gmr, $learned =~ s/^#.*\n//gmr, 'the same as from its own');
};
done_testing;
