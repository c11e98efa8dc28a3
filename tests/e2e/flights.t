#!/usr/bin/perl
# What of the corpus of bad and odd traffic needs TLS, many sessions or time: handshakes
# that end at each flight, TLS records full of small APDUs, and peers that acknowledge
# nothing, or little.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Net::SSLeay;
use Raw104;
use Test::More;
use Time::HiRes qw(sleep time);

my $pki = pki();
my $SAN = $BUILD =~ /-san$/;
Net::SSLeay::initialize();

# ---- handshakes that end ----

# A TLS client whose octets go where the test wants them.
sub tls_new {
    my ($version) = @_;
    my $number = { 'TLS 1.2' => 0x0303, 'TLS 1.3' => 0x0304 }->{$version};
    my $ctx = Net::SSLeay::CTX_new_with_method(Net::SSLeay::TLS_client_method());
    Net::SSLeay::CTX_set_min_proto_version($ctx, $number);
    Net::SSLeay::CTX_set_max_proto_version($ctx, $number);
    Net::SSLeay::CTX_use_certificate_chain_file($ctx, "$pki/master.crt") or die 'certificate';
    Net::SSLeay::CTX_use_PrivateKey_file($ctx, "$pki/master.key", Net::SSLeay::FILETYPE_PEM()) or die 'key';
    my $ssl = Net::SSLeay::new($ctx);
    my ($in, $out) = map { Net::SSLeay::BIO_new(Net::SSLeay::BIO_s_mem()) } 1, 2;
    Net::SSLeay::set_bio($ssl, $in, $out);
    Net::SSLeay::set_connect_state($ssl);
    return { ctx => $ctx, ssl => $ssl, in => $in, out => $out };
}

sub tls_free {
    my ($t) = @_;
    Net::SSLeay::free($t->{ssl});
    Net::SSLeay::CTX_free($t->{ctx});
}

# The client's next flight: what it wants to say now.
sub flight {
    my ($t) = @_;
    Net::SSLeay::do_handshake($t->{ssl});
    my $octets = '';
    while (defined(my $part = Net::SSLeay::BIO_read($t->{out}))) { $octets .= $part; last if $part eq '' }
    return $octets;
}

# Reads until the client has a flight of its own or is done.  False when the other side
# has ended before that.
sub answer {
    my ($t, $c) = @_;
    while (1) {
        $c->fill($Raw104::TIMEOUT) or return undef;
        Net::SSLeay::BIO_write($t->{in}, pack 'H*', $c->{in}) if $c->{in} ne '';
        $c->{in} = '';
        my $next = flight($t);
        return $next if $next ne '' || Net::SSLeay::state($t->{ssl}) == 1;
        return undef if $c->{ended};
    }
}

# Where a client goes: behind how many of its flights, how much of the last (of 2), and
# whether it has then waited for the answer.
my @POINTS = ([ 0, 0, 0 ], [ 1, 1, 0 ], [ 1, 2, 0 ], [ 1, 2, 1 ], [ 2, 1, 0 ], [ 2, 2, 0 ]);

# Gives the port of the client, or undef if it could not come that far.
sub abort_at {
    my ($port, $version, $point, $how) = @_;
    my ($flights, $half, $waits) = @$point;
    my $c = Raw104->connect($port) or return undef;
    my $t = tls_new($version);
    my $next = flight($t);
    for my $n (1 .. $flights) {
        my $part = $n == $flights && $half == 1 ? substr $next, 0, length($next) / 2 : $next;
        $c->send(unpack 'H*', $part);
        $next = answer($t, $c) if $n < $flights || $waits;
        last if !defined $next;
    }
    $how eq 'reset' ? $c->reset : $c->close;
    tls_free($t);
    return defined $next ? $c->{port} : undef;
}

subtest 'a handshake that ends at each flight, again and again' => sub {
    # The RTU is not there to accept more than is asked for.
    my $rtu = start_rtu();
    my $g = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"], max_sessions => 4 },
                        limits => 'max_sessions = 4; handshakes_per_source = 32; handshake = 20; ');
    my $round = sub {
        my $far = 0;
        my $n = 0;
        for my $version ('TLS 1.2', 'TLS 1.3') {
            for my $point (@POINTS) {
                for my $how (qw(close reset)) {
                    $n++;
                    $far += defined abort_at($g->{port}, $version, $point, $how);
                }
            }
        }
        return ($n, $far);
    };
    # Every one has its end: those that failed are in the log one by one or counted, the
    # others were sessions for a moment.
    my ($n, $far) = (0, 0);
    my $told = sub {
        my $told = 0;
        for my $r (records($g->{dir})) {
            $told += $r->{why} eq 'many' ? $r->{count} : 1 if $r->{event} eq 'tls.handshake-failed';
            $told++ if $r->{event} =~ /^session\.(?:close|open-failed|dial-failed)$/;
        }
        return $told;
    };
    my $rest = sub {
        return wait_until(sub { $told->() >= $n && proc_of_role($g->{gate}, 'tls') == 2 }, 60);
    };
    my $add = sub { my ($more, $came) = $round->(); $n += $more; $far += $came };

    $add->();
    ok($rest->(), 'each end of a first round is in the log');
    my @roles = map { (proc_of_role($g->{gate}, $_))[0] } qw(gate broker signer audit);
    my %kb = map { $_ => memory_kb($_) } @roles;
    my $fds = sub { my ($pid) = @_; opendir my $d, "/proc/$pid/fd" or return 'hidden'; return scalar(() = readdir $d) };
    my %fds = map { $_ => $fds->($_) } @roles;

    $add->() for 1 .. ($SAN ? 3 : 15);
    ok($rest->(), "each of $n is, and two tls processes wait again");
    is($told->(), $n, 'and none twice');
    is($far, $n, 'all came as far as they wanted');
    # A tls process that has just ended or begun has a channel to some of them.
    my @more = map { my $n = $fds->($_); $n eq 'hidden' || $n <= $fds{$_} + 2 ? () : role_of($_) . ": $n, not $fds{$_}" } @roles;
    is("@more", '', 'no process keeps a descriptor of them');
SKIP: {
        skip 'a sanitizer keeps what is freed', 1 if $SAN;
        my @large = map { my $more = memory_kb($_) - $kb{$_}; $more > 1024 ? role_of($_) . ": $more kB" : () } @roles;
        is("@large", '', 'nor a megabyte more');
    }
    is(join(' ', map { role_of($_) } @roles), join(' ', map { role_of((proc_of_role($g->{gate}, $_))[0]) } qw(gate broker signer audit)), 'they are the same processes');
    is(scalar(grep { $_->{event} =~ /process-died|ipc-violation|log\.gap/ } records($g->{dir})), 0, 'and nothing befell any');
    my @m = map { Raw104->connect_tls($g->{port}, $pki) } 1 .. 4;
    is(scalar(grep { $_ && $_->start && ($_->command($Raw104::SINGLE_ON) // '') eq $Raw104::SINGLE_CON } @m), 4, 'every place for a session is free');
    is(stop_process($g->{gate}, 'TERM'), 0, 'clean stop');
    is(join("\n", log_faults($g->{dir})), '', 'the chain of the log holds');
};

# ---- with an RTU by hand ----

my $by_hand = Raw104->listener;

# Both stations of a session, STARTDT done.
sub both {
    my ($g) = @_;
    my $m = Raw104->connect_tls($g->{port}, $pki);
    $m->send($Raw104::STARTDT_ACT);
    my $s = Raw104->accept($by_hand);
    $s->started && $m->until_apdu($Raw104::STARTDT_CON) or die 'no session';
    return ($m, $s);
}

sub end_of {
    my ($g, $port) = @_;
    my $end;
    wait_until(sub { ($end) = grep { $_->{event} eq 'session.close' } records_of_client($g->{dir}, $port) }, 15);
    return $end // {};
}

# How many of an APDU have come, and what else has.
sub count_of {
    my ($st, $apdu, $want) = @_;
    my ($n, $else) = (0, '');
    while ($n < $want) {
        my $next = $st->next_apdu // last;
        $next eq $apdu ? $n++ : ($else .= $next);
        last if $next eq 'end';
    }
    return $else eq '' ? $n : "$n, and $else";
}

subtest 'TLS records of 16 KiB, full of small APDUs' => sub {
    my $g = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$by_hand->{port}"], k => 1000, w => 500 });

    my ($m, $s) = both($g);
    # 2730 of six octets, and the first four of another; its last two are the next record.
    my $fit = 2730;
    $m->send($Raw104::TESTFR_ACT x $fit, substr $Raw104::TESTFR_ACT, 0, 8);
    is(count_of($s, $Raw104::TESTFR_ACT, $fit), $fit, 'TESTFR: all arrive');
    ok(!$s->fill(0), 'and no more');
    $m->send(substr($Raw104::TESTFR_ACT, 8) . $Raw104::TESTFR_ACT);
    is(count_of($s, $Raw104::TESTFR_ACT, 2), 2, 'the one over the edge, too');

    # A thousand commands that the policy refuses: 16000 octets.
    my $refused = '2d010600010001000001';
    $m->send((map { $m->i($refused) } 1 .. 1000), $Raw104::TESTFR_ACT x 64);
    my @answers;
    while (@answers < 1000) {
        my $apdu = $m->next_apdu // last;
        last if $apdu eq 'end';
        push @answers, $apdu if !(hex(substr $apdu, 4, 2) & 1);
    }
    my @want = map { unpack('H*', pack 'v', 2 * $_) . '2d014700010001000001' } 0 .. 999;
    is(join(' ', map { substr($_, 4, 4) . substr $_, 12 } @answers), join(' ', @want), 'a thousand commands: each is answered, in order');
    is(count_of($s, $Raw104::TESTFR_ACT, 64), 64, 'and the RTU sees what stood behind them');
    my $told = sub {
        my $n = 0;
        for my $r (records($g->{dir})) {
            $n++ if $r->{event} eq 'policy.refused';
            $n += $r->{count} if $r->{event} eq 'log.gap';
        }
        return $n;
    };
    $m->send($m->i($refused));
    is(wait_until(sub { my $n = $told->(); $n >= 1001 ? $n : 0 }), 1001, 'each is in the log, one by one or as a gap that is counted');

    # A bad one at the end of a full record.
    $m->send($Raw104::TESTFR_ACT x ($fit - 1), '680403000000', substr $Raw104::TESTFR_ACT, 0, 8);
    ok($m->ended, 'a bad one as the last: closed');
    is(count_of($s, $Raw104::TESTFR_ACT, $fit), $fit - 1 . ', and end', 'what stood before it arrives, and it does not');
    my $end = end_of($g, $m->{port});
    is("$end->{why} $end->{leg}", 'bad-u master', 'with its reason');
    is(scalar(grep { $_->{event} eq 'apci.malformed' } records($g->{dir})), 1, 'and one record');
    is(stop_process($g->{gate}, 'TERM'), 0, 'clean stop');
    is(join("\n", log_faults($g->{dir})), '', 'the chain of the log holds');
};

subtest 'peers that acknowledge nothing, or one frame per t2' => sub {
    my $POINT = '01010300010001000001';
    my $g = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$by_hand->{port}"], k => 12, w => 8, t1 => 2, t2 => 1, t3 => 1 });

    my ($m, $s) = both($g);
    $s->send(map { $s->i($POINT) } 1 .. 12);
    my $came = 0;
    $m->until_asdu(qr/^$POINT$/) and $came++ for 1 .. 12;
    is($came, 12, 'k frames come to a master');
    # For longer than a silent one would be given up; what t1 means is the RTU's to say.
    my $until = time + 6;
    my $alive = 1;
    while ($alive && time < $until) {
        $m->send($Raw104::TESTFR_ACT);
        $alive = $s->until_apdu($Raw104::TESTFR_ACT) && $s->send($Raw104::TESTFR_CON) && $m->until_apdu($Raw104::TESTFR_CON);
        sleep 0.2;
    }
    ok($alive, 'while it acknowledges nothing the link lives on TESTFR');
    for my $n (1 .. 3) {
        # One of them per t2; each makes room for one.
        $m->send('68040100' . unpack 'H*', pack 'v', 2 * $n);
        ok($s->until_apdu('68040100' . unpack 'H*', pack 'v', 2 * $n), "the acknowledgement of frame $n arrives");
        $s->send($s->i($POINT));
        ok($m->until_asdu(qr/^$POINT$/), 'and makes room for one more');
        sleep 1;
    }
    $s->send($s->i($POINT));
    ok($m->ended && $s->ended, 'an RTU that sends one more than that is closed');
    my $end = end_of($g, $m->{port});
    is("$end->{why} $end->{leg} $end->{master_unacknowledged}", 'k-exceeded station 12', 'for it');

    # The other way round: commands that an RTU does not acknowledge.
    ($m, $s) = both($g);
    $m->send($m->i($Raw104::SINGLE_ON)) for 1 .. 12;
    $came = 0;
    $s->until_asdu(qr/^$Raw104::SINGLE_ON$/) and $came++ for 1 .. 12;
    is($came, 12, 'k commands come to an RTU');
    $s->send('680401000200');
    ok($m->until_apdu('680401000200'), 'it acknowledges one');
    $m->send($m->i($Raw104::SINGLE_ON));
    ok($s->until_asdu(qr/^$Raw104::SINGLE_ON$/), 'which makes room for one');
    $m->send($m->i($Raw104::SINGLE_ON));
    ok($m->ended && $s->ended, 'a master that sends one more than that is closed');
    $end = end_of($g, $m->{port});
    is("$end->{why} $end->{leg} $end->{station_unacknowledged}", 'k-exceeded master 12', 'for it');

    ($m, $s) = both($g);
    $m->send($m->i($Raw104::SINGLE_ON));
    $s->until_asdu(qr/^$Raw104::SINGLE_ON$/);
    $s->send($s->i($Raw104::SINGLE_CON));
    ok($m->until_asdu(qr/^$Raw104::SINGLE_CON$/), 'the next session works');
    is(stop_process($g->{gate}, 'TERM'), 0, 'clean stop');
};

done_testing;
