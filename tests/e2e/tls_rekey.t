#!/usr/bin/perl
# New keys in running sessions, with a peer that is OpenSSL alone (tests/pump): 104 goes on
# both ways meanwhile and nothing of it is lost or changed; who does not renew, or does
# nothing else, is closed with a word in the log.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use POSIX qw(mkfifo);
use Raw104;
use Test::More;
use Time::HiRes qw(time);

my $pki = pki();

# One plain connection on {port}, joined with TLS at the other end.
sub pump {
    my ($side, $version, $name, $to, $lag) = @_;
    my $dir = scratch();
    mkfifo("$dir/in", 0600) or die "mkfifo: $!";
    open my $in, '+<', "$dir/in" or die $!;
    $in->autoflush(1);
    my $p = spawn_process([ bin('pump/tls_pump'), $side, $version, $pki, $name, "$dir/port", $to, $lag // 0 ],
                          dir => $dir, in => "$dir/in");
    wait_until(sub { -s "$dir/port" || !alive($p) });
    ($p->{port}) = slurp("$dir/port") =~ /(\d+)/ or die 'no pump: ' . slurp($p->{err});
    $p->{in} = $in;
    return $p;
}

# Gives the command and waits until it was carried out.
sub order {
    my ($p, $command) = @_;
    my $n = () = slurp($p->{out}) =~ /^did /mg;
    print { $p->{in} } "$command\n";
    wait_until(sub { (() = slurp($p->{out}) =~ /^did /mg) > $n }) or die "the pump did not $command";
}

sub seen { my ($p, $what) = @_; return scalar(() = slurp($p->{out}) =~ /^\Q$what\E$/mg) }

# gate104 with a pump on its TLS side; {gate, dir, port (for the master), pump}.
sub chain {
    my ($side, $version, $rtu_port, $rekey, %o) = @_;
    my %tls = $rekey ? (rekey => \"{ $rekey }") : ();
    if ($side eq 'client') {
        my $g = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu_port"], %{ $o{route} // {} } }, pki => $pki, tls => \%tls);
        $g->{pump} = pump('client', $version, 'master', $g->{port}, $o{lag});
        $g->{port} = $g->{pump}{port};
        return $g;
    }
    my $pump = pump('server', $version, 'station', $rtu_port, $o{lag});
    my $g = start_route({ mode => 'wrap-master', remote => ["127.0.0.1:$pump->{port}"], peer_name => 'station.lab', %{ $o{route} // {} } },
                        pki => $pki, tls => { cert => "$pki/master.crt", key => "$pki/master.key", %tls });
    $g->{pump} = $pump;
    return $g;
}

sub of_event { my ($g, $event) = @_; return grep { $_->{event} eq $event } records($g->{dir}) }

# ---- data both ways while keys are renewed -----------------------------------------

my @traffic = map { {} } 1 .. 6;
@{ $traffic[ $_->[0] ] }{qw(side version why lag)} = @$_[ 1 .. 4 ] for
    [ 0, 'client', '1.2', 'renegotiated', 0 ], [ 1, 'client', '1.2', 'renegotiated', 60 ], [ 2, 'client', '1.3', 'key-update', 5 ],
    [ 3, 'server', '1.2', 'renegotiated', 0 ], [ 4, 'server', '1.2', 'renegotiated', 60 ], [ 5, 'server', '1.3', 'key-update', 5 ];
# At the same time, as most of it is waiting.
for my $c (@traffic) {
    $c->{rtu} = start_rtu('--rate', 200, '--count', 700, '--event-types', '30,36');
    $c->{g} = chain($c->{side}, $c->{version}, $c->{rtu}{port}, 'interval = 1; timeout = 1; lab = true;', lag => $c->{lag});
    $c->{m} = spawn_process([ bin('gate104-sim'), 'master', '--json', '--connect', "127.0.0.1:$c->{g}{port}", qw(--count 50 --rate 12), 'single 1001 on accepted' ]);
}

for my $c (@traffic) {
    my ($side, $version, $why, $lag, $rtu, $g) = @$c{qw(side version why lag rtu g)};
    subtest "traffic, a $side of TLS $version, lag $lag ms" => sub {
        my $status = stop_process($c->{m}, undef, 60);
        my $m = { status => $status, lines => [ json_lines(slurp($c->{m}{out})) ], err => slurp($c->{m}{err}) };
        is($m->{status}, 0, 'every command is done') or diag $m->{err};
        my $close = wait_record($g->{dir}, { event => 'session.close' });
        is("$close->{why} $close->{refused} $close->{malformed}", 'master-closed 0 0', 'the session ends in order');
        my @rekeyed = of_event($g, 'tls.rekeyed');
        cmp_ok(scalar @rekeyed, '>=', $side eq 'server' && $version eq '1.2' ? 1 : 2, 'keys were renewed');
        is(join(' ', grep { $_ ne $why } map { $_->{why} } @rekeyed), '', "all $why");
        is(scalar of_event($g, 'tls.rekey-failed'), 0, 'none was not');
        my $p = $g->{pump};
        if ($version eq '1.2') {
            cmp_ok(seen($p, 'got finished'), '>=', scalar @rekeyed, 'the peer renegotiated');
            is(seen($p, 'sent certificate'), seen($p, 'got certificate'), 'both certificates were asked for');
            is(seen($p, 'sent certificate'), seen($p, 'got finished'), 'in each');
            is(seen($p, $side eq 'client' ? 'got hello-request' : 'sent hello-request') > 0, $side eq 'client', 'a server asks, a client begins');
        } else {
            cmp_ok(seen($p, 'got key-update'), '>=', scalar @rekeyed, 'the peer got new keys');
            cmp_ok(seen($p, 'sent key-update'), '>=', scalar @rekeyed, 'and made its own');
        }
        wait_until(sub { grep { $_->{event} eq 'closed' } json_lines(slurp($rtu->{out})) });
        my @rtu = json_lines(slurp($rtu->{out}));
        my @gave = asdus_sent(@rtu);
        my @had = asdus_received(@{ $m->{lines} });
        cmp_ok(scalar @had, '>', 300, 'enough came');
        is(join("\n", @had), join("\n", @gave[ 0 .. $#had ]), 'octet for octet, in order, to the master');
        is(join("\n", asdus_received(@rtu)), join("\n", asdus_sent(@{ $m->{lines} })), 'and to the station');
        is(join("\n", log_faults($g->{dir})), '', 'the chain of the log holds');
        stop_process($g->{gate}, 'TERM');
        stop_process($rtu, 'TERM');
    };
}

# ---- by hand -----------------------------------------------------------------------

# A started session; {g, m (plain, to the pump or to gate104), s (the station)}.
sub session {
    my ($side, $version, $rekey, %o) = @_;
    my $l = Raw104->listener;
    my $g = chain($side, $version, $l->{port}, $rekey, %o);
    my $m = Raw104->connect($g->{port}) or die "connect: $!";
    wait_for_text($g->{pump}{out}, qr/^ready/m) or die 'no handshake: ' . slurp($g->{pump}{err});
    my $s = Raw104->accept($l) or die 'no station';
    if (!$o{idle}) {
        $m->send($Raw104::STARTDT_ACT);
        $s->started or die 'no STARTDT';
        $m->until_apdu($Raw104::STARTDT_CON) or die 'no STARTDT con';
    }
    return { g => $g, m => $m, s => $s, pump => $g->{pump}, side => $side };
}

# A command and its answer pass.
sub works {
    my ($x, $what) = @_;
    $x->{m}->send($x->{m}->i($Raw104::SINGLE_ON));
    ok($x->{s}->until_asdu(qr/^$Raw104::SINGLE_ON$/), "$what: a command passes");
    $x->{s}->send($x->{s}->i($Raw104::SINGLE_CON));
    ok($x->{m}->until_asdu(qr/^$Raw104::SINGLE_CON$/), "$what: and its answer");
}

# The session was closed over its keys, both stations find it closed; gives the records.
sub closed_so {
    my ($x, $why, $id, $what) = @_;
    my $g = $x->{g};
    my $close = wait_record($g->{dir}, { event => 'session.close' }, 15) // {};
    is($close->{why} // 'open', $why, "$what: $why");
    my @failed = grep { $_->{why} eq $why } of_event($g, 'tls.rekey-failed');
    is(scalar @failed, 1, "$what: one alarm");
    is(($failed[0]{iec62351} // '') . ' ' . $failed[0]{severity}, "$id alarm", "$what: its event");
    # One that is deaf does not hear of the end either.
    my @free = slurp($x->{pump}{out}) !~ /^did deaf/m ? qw(m s) : $x->{side} eq 'client' ? 's' : 'm';
    is(join(' ', grep { $x->{$_}->ended } @free), "@free", "$what: the stations are free");
    stop_process($g->{gate}, 'TERM');
    return $failed[0];
}

subtest 'a peer begins a renegotiation' => sub {
    for my $side ('client', 'server') {
        my $x = session($side, '1.2');
        works($x, "$side, before");
        order($x->{pump}, 'renegotiate');
        ok(wait_record($x->{g}{dir}, { event => 'tls.rekeyed', why => 'renegotiated' }), "$side: once is its right");
        works($x, "$side, after");
        is(seen($x->{pump}, 'sent certificate') . seen($x->{pump}, 'got certificate'), '11', "$side: a full handshake");
        order($x->{pump}, 'renegotiate');
        closed_so($x, 'renegotiation-storm', '', "$side: twice");
        is(seen($x->{pump}, 'got certificate'), 1, "$side: the second costs no handshake");
    }
    my $x = session('server', '1.2');
    order($x->{pump}, 'insist 100');
    closed_so($x, 'renegotiation-storm', '', 'a server that insists');
    $x = session('client', '1.2', undef, idle => 1);
    order($x->{pump}, 'renegotiate');
    closed_so($x, 'renegotiation-storm', '', 'before the first data');
};

# The pump reads nothing for a while: our HelloRequest or ClientHello lies there, and what
# it sends comes behind its own.
subtest 'data between the first message and the answer' => sub {
    for my $side ('client', 'server') {
        my $x = session($side, '1.2', $side eq 'client' ? 'interval = 1; timeout = 10; lab = true;' : undef, route => { t1 => 30 });
        my ($from, $to) = $side eq 'client' ? @$x{qw(m s)} : @$x{qw(s m)};
        works($x, "$side, before");
        order($x->{pump}, 'pause 1800');
        order($x->{pump}, 'renegotiate') if $side eq 'server';
        my ($came, $end) = (0, time + 1.4);
        while (time < $end) {
            $from->send($Raw104::TESTFR_ACT);
            $to->until_apdu($Raw104::TESTFR_ACT, 1) or last;
            $came++;
            select undef, undef, undef, 0.02;
        }
        cmp_ok($came, '>', 10, "$side: data of the peer pass");
        is(seen($x->{pump}, $side eq 'client' ? 'got hello-request' : 'got client-hello'), 0, "$side: before it has read ours");
        # What goes to it waits, or lies there, and comes when it reads.
        $to->send($Raw104::TESTFR_CON);
        ok($from->until_apdu($Raw104::TESTFR_CON), "$side: what goes to it comes late, not never");
        ok(wait_record($x->{g}{dir}, { event => 'tls.rekeyed', why => 'renegotiated' }), "$side: it renegotiates");
        works($x, "$side, after");
        is(scalar of_event($x->{g}, 'session.close'), 0, "$side: on one session");
        stop_process($x->{g}{gate}, 'TERM');
    }
};

subtest 'another certificate' => sub {
    for my $case ([ 'client', 'station' ], [ 'server', 'twin' ]) {
        my ($side, $name) = @$case;
        my $x = session($side, '1.2');
        order($x->{pump}, "become $name");
        order($x->{pump}, 'renegotiate');
        closed_so($x, 'renegotiation-identity', '', "$side: as good as the first");
        $x = session($side, '1.2');
        order($x->{pump}, "become revoked");
        order($x->{pump}, 'renegotiate');
        my $r = closed_so($x, 'renegotiation-failed', '', "$side: revoked");
        like($r->{detail}, qr/revoked/, "$side: the record says why");
    }
};

subtest 'a peer does not renegotiate' => sub {
    my @cases;
    for my $side ('client', 'server') {
        for my $how ('refuse', 'deaf') {
            my $x = session($side, '1.2', 'interval = 1; timeout = 1; lab = true;');
            order($x->{pump}, $how);
            push @cases, [ $x, "$side: $how" ];
        }
    }
    closed_so($_->[0], 'no-renegotiation', 'IEC62351-3:1.11', $_->[1]) for @cases;
};

subtest 'a peer does not renew its key' => sub {
    my $lab = 'interval = 1; timeout = 1; lab = true;';
    my @x = map { session($_->[0], '1.3', $_->[1], route => { t1 => 2, t2 => 1, t3 => 1 }) }
        [ 'client', $lab ], [ 'server', $lab ], [ 'client', "$lab silent = \"close\";" ];
    order($_->{pump}, 'deaf') for @x;
    # It writes all the time, with its old key.
    my %found;
    wait_until(sub {
        for my $x (grep { !$found{$_} } @x) {
            my ($writer, $taker) = $x->{side} eq 'client' ? @$x{qw(m s)} : @$x{qw(s m)};
            $writer->send($Raw104::TESTFR_ACT);
            $taker->until_apdu($Raw104::TESTFR_ACT, 0.1);
            $taker->send($Raw104::TESTFR_CON);
            ($found{$x}) = of_event($x->{g}, 'tls.rekey-failed');
        }
        return !grep { !$found{$_} } @x;
    }, 20);
    for my $x (@x[ 0, 1 ]) {
        my $r = $found{$x} || {};
        is(join(' ', map { $r->{$_} // '' } qw(why iec62351 severity)), 'no-key-update IEC62351-3:1.19 alarm', "$x->{side}: alarm");
        is(scalar of_event($x->{g}, 'session.close'), 0, "$x->{side}: and it goes on");
        stop_process($x->{g}{gate}, 'TERM');
    }
    closed_so($x[2], 'no-key-update', 'IEC62351-3:1.19', 'closed where it is so configured');
};

# Nothing is sent but what keeps a link alive.
subtest 'an idle session' => sub {
    my $x = session('client', '1.3', 'interval = 1; timeout = 1; lab = true;', route => { t1 => 2, t2 => 1, t3 => 1 });
    ok(wait_for_text($x->{pump}{out}, qr/^got key-update/m), 'our key update does not wait for data');
    is(scalar of_event($x->{g}, 'tls.rekeyed'), 0, 'the answer does');
    $x->{s}->send($Raw104::TESTFR_ACT);
    $x->{m}->until_apdu($Raw104::TESTFR_ACT);
    $x->{m}->send($Raw104::TESTFR_CON);
    ok(wait_record($x->{g}{dir}, { event => 'tls.rekeyed', why => 'key-update' }), 'a test frame brings it');
    stop_process($x->{g}{gate}, 'TERM');
};

subtest 'by records' => sub {
    for my $version ('1.2', '1.3') {
        my $x = session('client', $version, 'records = 100; lab = true;');
        for (1 .. 55) {
            $x->{m}->send($Raw104::TESTFR_ACT);
            $x->{s}->until_apdu($Raw104::TESTFR_ACT) or last;
            $x->{s}->send($Raw104::TESTFR_CON);
            $x->{m}->until_apdu($Raw104::TESTFR_CON) or last;
        }
        is(scalar of_event($x->{g}, 'tls.rekeyed'), 0, "$version: 55 records each way are too few");
        for (1 .. 55) {
            $x->{m}->send($Raw104::TESTFR_ACT);
            $x->{s}->until_apdu($Raw104::TESTFR_ACT) or last;
            $x->{s}->send($Raw104::TESTFR_CON);
            $x->{m}->until_apdu($Raw104::TESTFR_CON) or last;
        }
        ok(wait_record($x->{g}{dir}, { event => 'tls.rekeyed' }), "$version: 110 are not");
        works($x, $version);
        stop_process($x->{g}{gate}, 'TERM');
    }
};

subtest 'key updates of a peer' => sub {
    for my $side ('client', 'server') {
        my $x = session($side, '1.3');
        order($x->{pump}, 'update 5');
        works($x, "$side, five");
        order($x->{pump}, 'update -5');
        works($x, "$side, ten");
        order($x->{pump}, 'update 2000');
        closed_so($x, 'key-update-storm', '', "$side: a flood");
    }
};

subtest 'configuration' => sub {
    for my $case ([ 'interval = 599;', qr/tls\.rekey\.interval: 599 is out of range; it may be 600 to 86400/ ],
                  [ 'interval = 86401; lab = true;', qr/86401 is out of range/ ],
                  [ 'records = 1000;', qr/tls\.rekey\.records: 1000 is out of range/ ],
                  [ 'timeout = 0;', qr/tls\.rekey\.timeout: 0 is out of range/ ],
                  [ 'silent = "no";', qr/no way to treat a peer that keeps its key/ ],
                  [ 'intervall = 600;', qr/did you mean "interval"/ ]) {
        my ($text, $re) = @$case;
        my $dir = write_config(pki => $pki, routes => [ { name => 'r', mode => 'protect-rtu', listen => ['127.0.0.1:' . free_port()], rtu => ['127.0.0.1:1'] } ],
                               tls => { rekey => \"{ $text }" });
        my ($status, $out, $err) = run_command([ bin('gate104d'), '-t', '-c', "$dir/gate104.conf" ]);
        is($status, 1, "$text is refused");
        like("$out$err", $re, 'and why');
    }
    my $x = session('client', '1.3', 'lab = true;');
    like(slurp("$x->{g}{dir}/gate104d.err"), qr/warning.*faster than IEC 62351-3/, 'a lab is told of at each start');
    stop_process($x->{g}{gate}, 'TERM');
};

done_testing();
