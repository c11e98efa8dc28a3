#!/usr/bin/perl
# The main path: a plain RTU behind gate104, a master over TLS in front of it.  What the
# policy allows arrives, what it does not is answered in the RTU's place, the link stays,
# and the log tells it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(time);

$SIG{PIPE} = 'IGNORE';

my $POLICY = <<'P';
monitor = { default = "pass"; };
control = { default = "refuse"; rules = (
  { name = "breakers"; types = [ "C_SC_NA_1", "C_SC_TA_1" ]; ca = [ 1 ]; ioa = [ "1001-1010", "2001-2010" ]; },
  { name = "isolators"; types = [ "C_DC_NA_1" ]; ca = [ 1 ]; ioa = [ 2101 ]; },
  { name = "setpoint"; types = [ "C_SE_NC_1" ]; ca = [ 1 ]; ioa = [ 1301 ]; value = [ 0.0, 110.0 ]; },
  { name = "station"; types = [ "C_IC_NA_1", "C_CI_NA_1", "C_CS_NA_1", "C_RD_NA_1", "C_TS_TA_1" ]; ca = [ 1 ]; }
); };
P

# What the master does; pass: the rule that lets it through; refuse: the cause of the
# negative answer (7: activation confirmation, 44..47: mirrored); silent: refused, and no
# answer may be given.
my @STEPS = (
    [ 'gi',                                   pass   => 'station' ],
    [ 'clock',                                pass   => 'station' ],
    [ 'ci',                                   pass   => 'station' ],
    [ 'read 601',                             pass   => 'station' ],
    [ 'test',                                 pass   => 'station' ],
    [ 'single 1001 on',                       pass   => 'breakers' ],
    [ 'single 1050 on',                       refuse => 7 ],     # address not listed
    [ 'single 1002 off timed',                pass   => 'breakers' ],
    [ 'single 1011 on',                       refuse => 7 ],     # one past the range
    [ 'single 1010 on',                       pass   => 'breakers' ],
    [ 'single 2001 on select execute',        pass   => 'breakers' ],
    [ 'double 2101 off select execute',       pass   => 'isolators' ],
    [ 'double 2102 off select',               refuse => 7 ],
    [ 'double 2102 off',                      refuse => 7 ],
    [ 'step 1201 higher',                     refuse => 7 ],     # type not listed
    [ 'bitstring 1601 7',                     refuse => 7 ],
    [ 'reset',                                refuse => 7 ],
    [ 'parameter-float 601 1',                refuse => 7 ],
    [ 'setpoint-float 1301 42.5',             pass   => 'setpoint' ],
    [ 'setpoint-float 1301 500',              refuse => 7 ],     # value out of range
    [ 'setpoint-float 1301 -0.001',           refuse => 7 ],
    [ 'setpoint-float 1301 110',              pass   => 'setpoint' ],
    [ 'single 1001 off ca 2',                 refuse => 7 ],     # common address not listed
    [ 'gi ca 2',                              refuse => 7 ],
    [ 'raw 800106000100e9030000',             refuse => 44, fault => 'bad-type' ],
    [ 'raw 2d0113000100e9030001',             refuse => 45, fault => 'bad-cot' ],
    [ 'raw 2d0106000000e9030001',             silent => 1,  fault => 'bad-ca' ],
    [ 'gi ca 65535',                          silent => 1 ],     # to all stations
    [ 'clock ca 65535',                       silent => 1 ],
    [ 'single 1001 off ca 65535',             silent => 1,  fault => 'bad-ca' ],
    [ 'single 1001 off test-bit',             refuse => 7,  fault => 'test-bit' ],
    [ 'read 602',                             pass   => 'station' ],
    [ 'single 1001 off',                      pass   => 'breakers' ],
);

sub words {
    my ($step, %kind) = @_;
    return $step if !%kind;
    return $step . ($kind{pass} ? ' accepted' : $kind{silent} ? ' nowait' : ' refused');
}

sub openssl_field {
    my ($crt, @show) = @_;
    my (undef, $out) = run_command([ 'openssl', 'x509', '-noout', '-in', $crt, @show ]);
    $out =~ s/^[^=]*=|\s+$//g;
    return $out;
}

# The frames a master sent, with the step each belongs to.
sub frames_of {
    my (@lines) = @_;
    my @sent = grep { $_->{event} eq 'apdu' && $_->{sent} && $_->{frame} eq 'I' } @lines;
    my @frames;
    for my $s (@STEPS) {
        my ($words, %kind) = @$s;
        # A select that is confirmed is followed by its execute.
        my $n = $words =~ / select execute/ ? 2 : 1;
        push @frames, map { { %{ shift @sent // {} }, step => $words, %kind } } 1 .. $n;
    }
    is(scalar @sent, 0, 'every frame the master sent belongs to a step');
    return @frames;
}

sub check_answers {
    my ($m) = @_;
    my @results = grep { $_->{event} eq 'result' } @{ $m->{lines} };
    my @causes;
    for my $i (0 .. $#STEPS) {
        my ($words, %kind) = @{ $STEPS[$i] };
        my $cause = $results[$i]{cause} // 'none';
        push @causes, "$words: $cause" if $kind{refuse} && $cause ne $kind{refuse};
    }
    is("@causes", '', 'refused with the right cause');
    my @all = grep { $_->{event} eq 'apdu' && !$_->{sent} && ($_->{ca} // 0) != 1 && $_->{frame} eq 'I' } @{ $m->{lines} };
    is(join(' ', map { "$_->{type}/$_->{ca}" } @all), '45/2 100/2',
       'answers to other stations only where they were addressed; none to all stations');
}

sub check_commands {
    my ($frames, @log) = @_;
    my @faults;
    for my $f (grep { $_->{pass} } @$frames) {
        my ($c) = grep { ($_->{event} eq 'op.command') && $_->{apdu} eq $f->{apdu} } @log;
        push @faults, "$f->{step}: no record" and next if !$c;
        push @faults, "$f->{step}: verdict $c->{verdict}, rule $c->{rule}"
            if $c->{verdict} ne 'pass' || $c->{rule} ne $f->{pass};
        push @faults, "$f->{step}: subject" if $c->{subject} !~ /CN=master\.lab/;
        next if $f->{type} == 102;    # read: answered with data
        my ($a) = grep { $_->{event} eq 'op.confirmed' && $_->{command_seq} == $c->{seq} } @log;
        push @faults, "$f->{step}: no confirmation" and next if !$a;
        push @faults, "$f->{step}: confirmed before it was recorded" if $a->{seq} < $c->{seq};
        push @faults, "$f->{step}: latency" if $a->{latency_ms} !~ /^\d+$/;
        push @faults, "$f->{step}: confirmation of something else"
            if "$a->{type_id} $a->{ca} $a->{ioa} $a->{cot}" ne "$c->{type_id} $c->{ca} $c->{ioa} activation-con";
    }
    is(join("\n", @faults), '', 'each command and its confirmation is in the log');
    is(scalar(grep { $_->{event} eq 'op.command' } @log), scalar(grep { $_->{pass} } @$frames), 'and no other');
}

sub check_refusals {
    my ($frames, @log) = @_;
    my (@faults, $n);
    for my $f (grep { !$_->{pass} } @$frames) {
        my ($r) = grep { ($_->{verdict} // '') eq 'refuse' && $_->{apdu} eq $f->{apdu} } @log;
        $n++;
        push @faults, "$f->{step}: no record" and next if !$r;
        my $want = $f->{fault} ? "asdu.malformed $f->{fault}" : 'policy.refused policy default';
        my $have = $f->{fault} ? "$r->{event} " . ($r->{reason} // '') : "$r->{event} $r->{why} " . ($r->{rule} // '');
        push @faults, "$f->{step}: $have" if $have ne $want;
    }
    is(join("\n", @faults), '', 'each refusal is in the log with its octets and reason');
    is(scalar(grep { ($_->{verdict} // '') eq 'refuse' } @log), $n, 'and no other');
}

sub check_session {
    my ($m, $pki, $rtu, $version, $frames, @log) = @_;
    my ($open) = grep { $_->{event} eq 'session.open' } @log;
    my ($connected) = grep { $_->{event} eq 'connected' } @{ $m->{lines} };
    my ($suite) = $connected->{text} =~ /TLSv\S+ ([A-Z0-9_-]+),/;
    my $finger = lc openssl_field("$pki/master.crt", '-fingerprint', '-sha256');
    $finger =~ s/://g;
    is($open->{subject}, 'CN=master.lab,O=gate104 lab', 'subject');
    is(lc $open->{serial}, lc openssl_field("$pki/master.crt", '-serial'), 'serial');
    is($open->{fingerprint_sha256}, $finger, 'fingerprint');
    is($open->{tls_version}, "TLSv$version", 'version');
    is($open->{tls_suite}, $suite, 'suite, as the master saw it');
    like($open->{source}, qr/^127\.0\.0\.1:\d+$/, 'source');
    is($open->{target}, "127.0.0.1:$rtu->{port}", 'RTU');
    is($open->{route}, 'r', 'route');
    my ($start) = grep { $_->{event} eq 'session.startdt' } @log;
    my ($first) = grep { $_->{event} eq 'op.command' } @log;
    ok($open->{seq} < $start->{seq} && $start->{seq} < $first->{seq}, 'open, STARTDT, commands, in this order');

    my ($close) = grep { $_->{event} eq 'session.close' } @log;
    my @other = grep { defined $_->{session} && $_->{session} ne $open->{session} } @log;
    is(scalar @other, 0, 'one session');
    is("$close->{why} $close->{leg} $close->{detail}", 'master-closed master close_notify', 'how it ended');
    my %count = (sent => {}, received => {});
    $count{ $_->{sent} ? 'sent' : 'received' }{ $_->{frame} }++ for grep { $_->{event} eq 'apdu' } @{ $m->{lines} };
    is(join(' ', map { $close->{"master_$_"} // '-' } qw(i s u)), join(' ', map { $count{sent}{$_} // 0 } qw(I S U)),
       'frames of the master, counted');
    my $refused = grep { $_->{refuse} } @$frames;
    my $silent  = grep { $_->{silent} } @$frames;
    is($close->{refused} + $close->{dropped}, $refused + $silent, 'refused and dropped, counted');
    # The master may leave while some are on their way to it.
    my $gave = grep { $_->{event} eq 'apdu' && $_->{sent} && $_->{frame} eq 'I' } json_lines(slurp($rtu->{out}));
    my $had  = $count{received}{I} - $refused;
    ok($close->{station_i} >= $had && $close->{station_i} <= $gave, 'I-frames of the station, counted')
        or diag "$had <= $close->{station_i} <= $gave";
    is($close->{malformed}, scalar(grep { $_->{fault} } @$frames), 'faulty frames, counted');
}

sub main_path {
    my ($kind, $version) = @_;
    my $pki = pki($kind);
    my $rtu = start_rtu('--rate', 50, '--count', 100, '--event-types', 1);
    my $g   = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"], policy_text => $POLICY }, pki => $pki);
    my $m = run_master($g->{port}, tls_client($pki), '--peer-name', 'station.lab', '--tls-min', $version,
                       '--tls-max', $version, map { words(@$_) } @STEPS);
    is($m->{status}, 0, 'allowed commands are done, refused ones refused, all on one link')
        or diag $m->{err}, explain [ grep { $_->{event} eq 'result' && !$_->{expected} } @{ $m->{lines} } ];
    my @frames = frames_of(@{ $m->{lines} });
    check_answers($m);

    wait_record($g->{dir}, { event => 'session.close' });
    is(stop_process($g->{gate}, 'TERM'), 0, 'clean stop');
    wait_until(sub { grep { $_->{event} eq 'closed' } json_lines(slurp($rtu->{out})) });
    my @rtu = json_lines(slurp($rtu->{out}));
    is(join("\n", asdus_received(@rtu)), join("\n", map { $_->{asdu} } grep { $_->{pass} } @frames),
       'the RTU received what was allowed, octet for octet, and nothing else');
    # Minus the answers gate104 gave, the master has what the RTU sent, from its start.
    my @had = map { $_->{asdu} } grep { $_->{event} eq 'apdu' && !$_->{sent} && $_->{frame} eq 'I' && !$_->{negative} } @{ $m->{lines} };
    my @gave = asdus_sent(@rtu);
    is(join("\n", @had), join("\n", @gave[0 .. $#had]), 'the master received what the RTU sent');

    my @log = records($g->{dir});
    check_session($m, $pki, $rtu, $version, \@frames, @log);
    check_commands(\@frames, @log);
    check_refusals(\@frames, @log);
    is(join("\n", log_faults($g->{dir})), '', 'the chain of the log holds');
    my ($status, $out, $err) = run_command([ bin('gate104'), 'log', 'verify', "$g->{dir}/log" ]);
    is($status, 0, 'gate104 log verify') or diag $out, $err;
    stop_process($rtu, 'TERM');
}

for my $kind (qw(ec rsa)) {
    for my $version ('1.2', '1.3') {
        subtest "\U$kind\E, TLS $version" => sub { main_path($kind, $version) };
    }
}

subtest 'two hundred refusals amid events' => sub {
    my $rtu = start_rtu('--rate', 400, '--count', 400, '--event-types', 33);
    my $g   = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"], policy_text => $POLICY });
    my $script = spew("$g->{dir}/script", join '', ("single 1050 on refused\nwait 0.004\n") x 200, "receive 601\nsingle 1001 on accepted\n");
    my $m = run_master($g->{port}, tls_client(pki()), '--script', $script);
    is($m->{status}, 0, 'all refused, all received, then an allowed one') or diag $m->{err};
    my @events = map { unpack 'V', pack 'H*', substr $_, 18, 8 } grep { /^21/ } asdus_received(@{ $m->{lines} });
    is("@events", join(' ', 0 .. 399), 'no event lost, none twice, all in order');
    wait_record($g->{dir}, { event => 'session.close' });
    my @log = records($g->{dir});
    is(scalar(grep { $_->{event} eq 'policy.refused' } @log), 200, 'two hundred records');
    is(scalar(grep { $_->{event} eq 'session.open' } @log), 1, 'one session');
    wait_until(sub { grep { $_->{event} eq 'closed' } json_lines(slurp($rtu->{out})) });
    my @rtu = json_lines(slurp($rtu->{out}));
    is(join(' ', asdus_received(@rtu)), '2d0106000100e9030001', 'the RTU saw the allowed command alone');
    # Refusals fell among events, not before or after them all.
    my $mix = join '', map { $_->{type} == 33 ? 'e' : $_->{type} == 45 ? 'r' : '' }
        grep { $_->{event} eq 'apdu' && !$_->{sent} && $_->{frame} eq 'I' } @{ $m->{lines} };
    cmp_ok(scalar(() = $mix =~ /er/g), '>', 5, 'they were interleaved');
};

# A hand-written RTU, and an audit process that is stopped for a moment: a command waits for
# its record; data and acknowledgements do not wait for the command.
subtest 'recorded before it is forwarded' => sub {
    my $server = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 0) or die $!;
    my $g = start_route({ mode => 'protect-rtu', rtu => [ '127.0.0.1:' . $server->sockport ], policy_text => $POLICY });
    my $m = spawn_process([ bin('gate104-sim'), 'master', '--json', '--connect', "127.0.0.1:$g->{port}", tls_client(pki()),
                            qw(--w 1), 'single 1001 on accepted', 'receive 2' ]);
    my $s = $server->accept;
    my ($in, $end) = ('', time + 15);
    my @got;
    # Takes what comes until an APDU matches.
    my $until = sub {
        my ($re) = @_;
        while (!@got || $got[-1] !~ $re) {
            my $r = '';
            vec($r, $s->fileno, 1) = 1;
            return 0 if select($r, undef, undef, $end - time) <= 0 || !$s->sysread($in, 4096, length $in);
            push @got, apdus_of(unpack 'H*', $in);
            $in = pack 'H*', @got && $got[-1] =~ /^rest (.*)/ ? $1 : '';
            pop @got if @got && $got[-1] =~ /^rest/;
        }
        return 1;
    };
    ok($until->(qr/^680407000000$/), 'STARTDT act');
    my ($audit) = proc_of_role($g->{gate}, 'audit');
    wait_record($g->{dir}, { event => 'session.open' });
    kill 'STOP', $audit;
    ok(wait_until(sub { slurp("/proc/$audit/stat") =~ /^\d+ \(.*\) T / }), 'the audit process is stopped');
    $s->syswrite(pack 'H*', '68040b000000');
    ok(wait_for_text($m->{out}, qr/"sent":true.*"asdu":"2d0106000100e9030001"/), 'the master has sent its command');
    # An event; that the master acknowledged it comes on the same way, behind the command.
    $s->syswrite(pack 'H*', '680e00000000' . '01010300010001000001');
    ok($until->(qr/^680401000200$/), 'an event and its acknowledgement pass');
    is(join(' ', grep { length > 12 } @got), '', 'the command waits');
    kill 'CONT', $audit;
    ok($until->(qr/2d0106000100e9030001$/), 'with its record it goes on');
    is(scalar(grep { $_->{event} eq 'op.command' } records($g->{dir})), 1, 'which is in the file when it arrives');
    $s->syswrite(pack 'H*', '680e02000200' . '2d0107000100e9030001');
    is(stop_process($m), 0, 'confirmed');
    close $s;
};

done_testing();
