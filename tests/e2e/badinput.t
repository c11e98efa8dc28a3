#!/usr/bin/perl
# Bad input, from either side and in front of the handshake: one record that says what was
# wrong, the session's end on both legs, nothing of it on the other side, and the next
# session works.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Raw104;
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Test::More;

my $pki = pki();

my $rtu     = start_rtu();
my $relay   = start_relay($rtu->{port});
my $tls_rtu = start_rtu('--tls', '--ca-file', "$pki/ca.crt", '--cert', "$pki/station.crt", '--key', "$pki/station.key");
my $by_hand = Raw104->listener;
my %port = map { $_ => free_port() } qw(sim hand nobody wrap);
my $dir = write_config(
    routes => [
        { name => 'sim',    mode => 'protect-rtu', listen => ["127.0.0.1:$port{sim}"],    rtu => ["127.0.0.1:$relay->{port}"] },
        { name => 'hand',   mode => 'protect-rtu', listen => ["127.0.0.1:$port{hand}"],   rtu => ["127.0.0.1:$by_hand->{port}"] },
        { name => 'nobody', mode => 'protect-rtu', listen => ["127.0.0.1:$port{nobody}"], rtu => [ '127.0.0.1:' . free_port() ] },
        { name => 'wrap',   mode => 'wrap-master', listen => ["127.0.0.1:$port{wrap}"],   remote => ["127.0.0.1:$tls_rtu->{port}"], peer_name => 'station.lab' },
    ]);
my $gate = start_gate104($dir);

# Connections of the relay, one for each session of the route "sim".
my $connections = 0;

sub next_connection { return ++$connections }

# The records of a client once the last of them is there, in short.
sub story {
    my ($port, $last) = @_;
    wait_until(sub { grep { $_->{event} eq $last } records_of_client($dir, $port) });
    return records_of_client($dir, $port);
}

sub events { return join ' ', map { $_->{event} } @_ }

# A session as it should be, on any route: a command is done and confirmed.
sub good_session {
    my ($route) = @_;
    my $m = $route eq 'wrap' ? Raw104->connect($port{wrap}) : Raw104->connect_tls($port{$route}, $pki);
    return 'no connection' if !$m;
    my $s;
    if ($route eq 'hand') {
        $m->send($Raw104::STARTDT_ACT);
        $s = Raw104->accept($by_hand) or return 'the RTU was not dialled';
        $s->started or return 'no STARTDT';
        $m->until_apdu($Raw104::STARTDT_CON) or return 'no confirmation of STARTDT';
        $m->send($m->i($Raw104::SINGLE_ON));
        $s->until_apdu($Raw104::SINGLE_ON) or return 'the RTU did not get the command';
        $s->send($s->i($Raw104::SINGLE_CON));
        $m->until_apdu($Raw104::SINGLE_CON) or return 'no answer';
    } else {
        $connections++ if $route eq 'sim';
        $m->start or return 'no STARTDT';
        my $answer = $m->command($Raw104::SINGLE_ON) // 'none';
        return "answer $answer" if $answer ne $Raw104::SINGLE_CON;
    }
    my $port = $m->{port};
    $m->close;
    $s->close if $s;
    return join(' ', grep { /close|malformed/ } events(story($port, 'session.close'))) eq '' ? 'no end' : '';
}

is(good_session($_), '', "the route \"$_\" works") for qw(sim hand wrap);

# ---- in front of the handshake ----

# The same in each run: some beginnings look like that of a long, old ClientHello.
srand 104;
sub random_octets { return join '', map { sprintf '%02x', int rand 256 } 1 .. $_[0] }

# Clients whose certificate will not do: [name, why].
for my $c ([ undef, 'no-peer-certificate' ], [ 'foreign', 'unknown-ca' ], [ 'expired', 'certificate-expired' ],
    [ 'early', 'certificate-not-yet-valid' ], [ 'revoked', 'certificate-revoked' ], [ 'wrongeku', 'certificate-purpose' ]) {
    my ($name, $why) = @$c;
    for my $version (qw(TLSv1_2 TLSv1_3)) {
        subtest "$version, certificate: " . ($name // 'none') => sub {
            my $m = Raw104->connect_tls($port{sim}, $pki, name => $name, version => $version);
            my $port = $Raw104::PORT;
            if ($m) {
                # In TLS 1.3 the client has finished before the server has looked.
                $m->send($Raw104::STARTDT_ACT);
                ok($m->ended, 'closed');
                is($m->{in}, '', 'and not a word of 104');
            }
            my @r = story($port, 'tls.handshake-failed');
            is(events(@r), 'tls.handshake-failed', 'one record');
            is($r[0]{why}, $why, 'which says why');
            is($r[0]{severity}, 'alarm', 'and is an alarm');
            is($r[0]{route}, 'sim', 'and names the route');
            is(good_session('sim'), '', 'the next session works');
        };
    }
}

# Octets that are no handshake: [what, hex, why].
my $HTTP = unpack 'H*', "GET / HTTP/1.1\r\nHost: rtu\r\n\r\n";
for my $c ([ 'plain 104', $Raw104::STARTDT_ACT, 'plain-104' ], [ 'a plain command', Raw104::i_frame($Raw104::SINGLE_ON, 0, 0), 'plain-104' ],
    [ 'HTTP', $HTTP, 'http-request' ], [ 'random octets', 'c7' . random_octets(300), 'not-tls' ],
    [ 'zeros', '00' x 64, 'not-tls' ]) {
    my ($what, $hex, $why) = @$c;
    subtest "$what on the TLS port" => sub {
        my $m = Raw104->connect($port{sim});
        $m->send($hex);
        ok($m->ended, 'closed');
        my @r = story($m->{port}, 'tls.handshake-failed');
        is(events(@r), 'tls.handshake-failed', 'one record');
        is($r[0]{why}, $why, 'which says what it was');
        is(good_session('sim'), '', 'the next session works');
    };
}

subtest 'a client that goes in the handshake' => sub {
    for my $octets (0, 1, 5, 40) {
        my $m = Raw104->connect($port{sim});
        # The start of a ClientHello.
        $m->send(substr '16030100c8010000c40303' . '5a' x 60, 0, 2 * $octets) if $octets;
        my $port = $m->{port};
        $m->close;
        my @r = story($port, 'tls.handshake-failed');
        is(events(@r) . ' ' . ($r[0]{why} // ''), 'tls.handshake-failed peer-closed', "after $octets octets: one record");
    }
    is(good_session('sim'), '', 'the next session works');
};

# On the plain port of a wrapped master: [what, hex].
for my $c ([ 'TLS', '16030100c8010000c40303' . '5a' x 194 ], [ 'HTTP', $HTTP ], [ 'random octets', 'c7' . random_octets(300) ]) {
    my ($what, $hex) = @$c;
    subtest "$what on the plain port" => sub {
        my $m = Raw104->connect($port{wrap});
        $m->send($hex);
        ok($m->ended, 'closed');
        is($m->{in}, '', 'and not a word of 104');
        my @r = story($m->{port}, 'session.close');
        is(events(@r), 'session.open apci.malformed session.close', 'one record, and the end');
        is("$r[1]{reason} $r[1]{leg} $r[1]{direction}", 'bad-start master control', 'which says what it was');
        ok(index($hex, $r[1]{apdu}) == 0 && length $r[1]{apdu} > 8, 'with the octets');
        is("$r[2]{why} $r[2]{leg}", 'bad-start master', 'why it ended');
        is(good_session('wrap'), '', 'the next session works');
    };
}

# ---- a master that errs ----

my $SINGLE = $Raw104::SINGLE_ON;
sub first { return Raw104::i_frame($_[0], 0, 0) }

# After STARTDT; each ends the session: [what, hex, reason]; nothing of it reaches the RTU.
my @FATAL = (
    # Frames, 104 5.1.
    [ 'length 0x87, odd control field', '6887002187008100', 'bad-i' ],
    [ 'length 0',                       '6800',             'bad-length' ],
    [ 'length 1',                       '680100',           'bad-length' ],
    [ 'length 3',                       '6803010000',       'bad-length' ],
    [ 'length 254',                     '68fe' . '00' x 254, 'bad-length' ],
    [ 'length 255',                     '68ff' . '00' x 255, 'bad-length' ],
    [ 'an I-frame without ASDU',        '680400000000',     'bad-i' ],
    [ 'an S-frame of 5',                '68050100000000',   'bad-s' ],
    [ 'an S-frame with reserved bits',  '680405000000',     'bad-s' ],
    [ 'a U-frame of 5',                 '68054300000000',   'bad-u' ],
    [ 'a U-frame with more',            '680443010000',     'bad-u' ],
    [ 'a U-frame with no function',     '680403000000',     'bad-u' ],
    [ 'a U-frame with two functions',   '680453000000',     'bad-u' ],
    [ 'a U-frame with act and con',     '6804c3000000',     'bad-u' ],
    [ 'a wrong start octet',            '55040b000000',     'bad-start' ],
    [ 'HTTP',                           $HTTP,              'bad-start' ],
    [ 'TLS in TLS',                     '16030100c8010000', 'bad-start' ],
    # Order and state, 104 5.1 to 5.5.
    [ 'N(R) of what was not sent (S)',  '680401000a00',     'nr-error' ],
    [ 'N(R) of what was not sent (I)',  Raw104::i_frame($SINGLE, 0, 20),    'nr-error' ],
    [ 'N(R) below 0',                   '68040100feff',     'nr-error' ],
    [ 'N(S) skipped',                   Raw104::i_frame($SINGLE, 1, 0),     'ns-error' ],
    [ 'N(S) below 0',                   Raw104::i_frame($SINGLE, 32767, 0), 'ns-error' ],
    [ 'STARTDT con from the master',    $Raw104::STARTDT_CON, 'direction' ],
    [ 'STOPDT con from the master',     '680423000000',     'direction' ],
    # Lengths and counts, 101 7.2 and 7.3.
    [ 'a type and nothing else',        first('2d'),                             'short' ],
    [ 'no cause',                       first('2d01'),                           'short' ],
    [ 'no common address',              first('2d010600'),                       'short' ],
    [ 'no object',                      first('2d0106000100'),                   'short' ],
    [ 'a command without its element',  first('2d0106000100e90300'),             'short' ],
    [ 'GI without its qualifier',       first('64010600010000000000' =~ s/..$//r), 'short' ],
    [ 'SQ and no base address',         first('018203000100'),                   'short' ],
    [ 'more objects than octets',       first('01050300010001000001'),           'short' ],
    [ 'no objects',                     first('2d000600010000000001'),           'bad-count' ],
    [ 'two objects in a command',       first('2d0206000100e9030001ea030001'),   'bad-count' ],
    [ '127 objects in a command',       first('2d7f06000100e9030001'),           'bad-count' ],
    [ 'an octet behind the object',     first("${SINGLE}00"),                    'trailing' ],
    [ 'another APDU inside',            first($SINGLE . '68040b000000'),         'trailing' ],
    # What only a station says.
    [ 'monitor data from the master',   first('01010300010001000001'),           'wrong-direction' ],
    [ 'a confirmation from the master', first('2d0107000100e9030001'),           'wrong-direction' ],
);

# One session with one bad APDU.  `send` says how it goes out; `seen` is what the RTU sees
# of what went before.
sub fatal {
    my ($case, $send, $seen) = @_;
    my ($what, $hex, $reason) = @$case;
    my $m = Raw104->connect_tls($port{sim}, $pki)
        or return "no connection: $!, $IO::Socket::SSL::SSL_ERROR, " . join ' ', map { "$_->{event} " . ($_->{why} // '') } (records($dir))[ -3 .. -1 ];
    my $n = next_connection();
    my @faults;
    $m->start or return 'no STARTDT';
    $send->($m, $hex);
    push @faults, 'not closed' if !$m->ended;
    my @r = story($m->{port}, 'session.close');
    my $record = $reason =~ /^(?:bad-[silu]|bad-start|bad-length|n[sr]-error|direction)/ ? 'apci.malformed' : 'asdu.malformed';
    push @faults, 'records: ' . events(@r) if events(@r) ne "session.open session.startdt $record session.close";
    my ($bad, $close) = @r[ -2, -1 ];
    push @faults, 'reason ' . ($bad->{reason} // '-') if ($bad->{reason} // '') ne $reason;
    push @faults, 'octets ' . ($bad->{apdu} // '-')
        if !length($bad->{apdu} // '') || index(substr($hex, 0, 510), $bad->{apdu}) != 0;
    push @faults, "end $close->{why} $close->{leg}" if "$close->{why} $close->{leg}" ne "$reason master";
    push @faults, 'the RTU still has its connection' if !wait_until(sub { slurp($relay->{file}) =~ /^$n> end$/m });
    my $passed = relayed($relay, '>', $n);
    push @faults, "the RTU saw $passed" if $passed ne $Raw104::STARTDT_ACT . $seen;
    return join '; ', @faults;
}

sub each_fatal {
    my ($send, $seen) = @_;
    my @faults;
    for my $case (@FATAL) {
        my $fault = fatal($case, $send, $seen // '');
        push @faults, "$case->[0]: $fault" if $fault ne '';
    }
    is(join("\n", @faults), '', scalar(@FATAL) . ' bad APDUs: each is recorded, closed, and kept from the RTU');
    is(good_session('sim'), '', 'the next session works');
}

subtest 'a master that errs' => sub {
    each_fatal(sub { $_[0]->send($_[1]) });
};

subtest 'behind a good APDU in the same record' => sub {
    each_fatal(sub { $_[0]->send($Raw104::TESTFR_ACT, $_[1]) }, $Raw104::TESTFR_ACT);
};

subtest 'one octet in each record' => sub {
    each_fatal(sub {
        my ($m, $hex) = @_;
        $m->send($_) for $hex =~ /(..)/g;
    });
};

subtest 'before STARTDT' => sub {
    for my $c ([ 'I-frame', first($SINGLE) ], [ 'S-frame', '680401000000' ],
        [ 'I-frame behind STARTDT act, not confirmed', $Raw104::STARTDT_ACT . first($SINGLE), $Raw104::STARTDT_ACT ],
        [ 'STARTDT act twice', $Raw104::STARTDT_ACT x 2, $Raw104::STARTDT_ACT ], [ 'STARTDT and STOPDT at once', $Raw104::STARTDT_ACT . '680413000000', $Raw104::STARTDT_ACT ]) {
        my ($what, $hex, $seen) = @$c;
        my $m = Raw104->connect_tls($port{sim}, $pki);
        my $n = next_connection();
        $m->send($hex);
        ok($m->ended, "$what: closed");
        my @r = grep { $_->{event} !~ /startdt/ } story($m->{port}, 'session.close');
        is(events(@r) . " $r[1]{reason} $r[2]{why}", 'session.open apci.malformed session.close state state', 'one record');
        wait_until(sub { slurp($relay->{file}) =~ /^$n> end$/m });
        is(relayed($relay, '>', $n), $seen // '', 'the RTU saw what went before');
    }
    is(good_session('sim'), '', 'the next session works');
};

# Sound frames with illegal values: refused, and the link stays.
# [what, ASDU, reason, cause of the answer or 0].
my @REFUSED = (
    [ 'type 131, count 0, SQ',    '83800668000100' . '000000', 'bad-type',  44 ],
    [ 'type 128',                 '800106000100e9030001', 'bad-type',       44 ],
    [ 'type 104, start octets',   '68680606680068686868', 'bad-type',       44 ],
    [ 'type 2, which 104 has not', '020106000100010000010102030405', 'bad-type', 44 ],
    [ 'SQ in a command',          '2d8106000100e9030001', 'bad-sq',         44 ],
    [ 'cause 0',                  '2d0100000100e9030001', 'bad-cot',        45 ],
    [ 'cause 63',                 '2d013f000100e9030001', 'bad-cot',        45 ],
    [ 'P/N in a command',         '2d0146000100e9030001', 'negative-bit',   45 ],
    [ 'test bit',                 '2d0186000100e9030001', 'test-bit',       7 ],
    [ 'common address 0',         '2d0106000000e9030001', 'bad-ca',         0 ],
    [ 'command to all stations',  '2d010600ffffe9030001', 'bad-ca',         0 ],
    [ 'object 0 commanded',       '2d010600010000000001', 'bad-ioa',        47 ],
    [ 'GI of an object',          '64010600010001000014', 'bad-ioa',        47 ],
    [ 'QOI 19',                   '64010600010000000013', 'bad-qualifier',  7 ],
    [ 'QOI 37',                   '64010600010000000025', 'bad-qualifier',  7 ],
    [ 'double command 0',         '2e0106000100e9030000', 'bad-value',      7 ],
    [ 'double command 3',         '2e0106000100e9030003', 'bad-value',      7 ],
    [ 'regulating step 0',        '2f0106000100e9030000', 'bad-value',      7 ],
    [ 'reserved bit of a single command', '2d0106000100e9030003', 'reserved-bit', 7 ],
    [ 'not a number',             '320106000100150500' . '0000c07f00', 'bad-value', 7 ],
    [ 'infinity',                 '320106000100150500' . '0000807f00', 'bad-value', 7 ],
    [ 'month 13',                 '67010600010000000000000000010d1a', 'bad-time', 7 ],
    [ 'month 0',                  '6701060001000000000000000001001a', 'bad-time', 7 ],
    [ '31 February',              '670106000100000000000000001f021a', 'bad-time', 7 ],
    [ 'minute 60',                '67010600010000000000003c00010b1a', 'bad-time', 7 ],
    [ '60000 milliseconds',       '67010600010000000060ea0000010b1a', 'bad-time', 7 ],
    [ 'time marked invalid',      '67010600010000000000008000010b1a', 'bad-time', 7 ],
);

subtest 'illegal values' => sub {
    my $m = Raw104->connect_tls($port{sim}, $pki);
    my $n = next_connection();
    ok($m->start, 'STARTDT');
    my @faults;
    for my $c (@REFUSED) {
        my ($what, $asdu, $reason, $cause) = @$c;
        # What cannot be answered is followed by what is.
        $m->send($m->i($asdu), $m->ack);
        my $mark = $cause ? undef : '80010600' . '0100e90300' . '99';
        $m->send($m->i($mark)) if $mark;
        # Not what the RTU says of itself.
        my $answer = $m->until_asdu(qr/^(?!46)/) or do { push @faults, "$what: no answer"; last };
        # A mirror of the command with P/N and another cause.
        my $want = $mark ? $mark : $asdu;
        substr $want, 4, 2, sprintf '%02x', 0x40 | (hex(substr $want, 4, 2) & 0x80) | ($cause || 44);
        push @faults, "$what: answer $answer" if $answer ne $want;
        my @r;
        wait_until(sub { @r = grep { ($_->{apdu} // '') =~ /$asdu$/ } records_of_client($dir, $m->{port}) });
        push @faults, "$what: " . @r . ' records' and next if @r != 1;
        push @faults, "$what: $r[0]{event} $r[0]{reason} $r[0]{verdict}"
            if "$r[0]{event} $r[0]{reason} $r[0]{verdict}" ne "asdu.malformed $reason refuse";
    }
    is(join("\n", @faults), '', scalar(@REFUSED) . ' values: each recorded once, and answered where it may be');
    $m->send($m->ack);
    is($m->command($SINGLE), $Raw104::SINGLE_CON, 'and a good command passes on the same link');
    my $passed = join ' ', grep { /^68..(?:.[02468ace])/ } apdus_of(relayed($relay, '>', $n));
    like($passed, qr/^\S*$SINGLE$/, 'the only one the RTU has seen');
    $m->close;
};

subtest 'the largest APDU' => sub {
    my $m = Raw104->connect_tls($port{sim}, $pki);
    next_connection();
    $m->start;
    # A file segment of 236 octets (101 7.3.6.6): legal, not allowed by the policy.
    my $largest = '7d010d00010001000001000' . '1ec' . 'a5' x 236;
    $m->send($m->i($largest));
    my $r = wait_until(sub { (grep { ($_->{apdu} // '') =~ /\Q$largest\E$/ } records_of_client($dir, $m->{port}))[0] });
    is($r && "$r->{event} $r->{verdict}", 'policy.refused refuse', 'length 253 is no fault');
    is(length($r->{apdu}) / 2, 255, 'and wholly in the log');
    is($m->command($SINGLE), $Raw104::SINGLE_CON, 'the link stays');
    $m->close;
};

subtest 'octet by octet, and many at once' => sub {
    my $m = Raw104->connect_tls($port{sim}, $pki);
    next_connection();
    $m->start;
    $m->send($_) for $m->i($SINGLE) =~ /(..)/g;
    ok($m->until_apdu($Raw104::SINGLE_CON), 'a command in sixteen records is done');
    $m->send($Raw104::TESTFR_ACT x 1000);
    my $con = 0;
    while (defined(my $apdu = $m->next_apdu)) { $con++ if $apdu eq $Raw104::TESTFR_CON; last if $con == 1000 }
    is($con, 1000, 'a thousand TESTFR in one write are confirmed');
    is($m->command($SINGLE), $Raw104::SINGLE_CON, 'and then a command');
    my $port = $m->{port};
    $m->close;
    my ($close) = grep { $_->{event} eq 'session.close' } story($port, 'session.close');
    is("$close->{master_u} $close->{station_u}", '1001 1001', 'all counted');
};

# Much more than the buffers of gate104 hold, towards one who is slow to read.
for my $slow (qw(master RTU)) {
    subtest "a $slow that is slow to read" => sub {
        my $listener = $by_hand->{sock};
        setsockopt $listener, SOL_SOCKET, SO_RCVBUF, 4096 if $slow eq 'RTU';
        my $m = Raw104->connect_tls($port{hand}, $pki, $slow eq 'master' ? (receive_buffer => 4096) : ());
        $m->send($Raw104::STARTDT_ACT);
        my $s = Raw104->accept($by_hand);
        $s->started && $m->until_apdu($Raw104::STARTDT_CON) or return fail('no session');
        my ($from, $to) = $slow eq 'master' ? ($s, $m) : ($m, $s);
        my ($want, $got, $sent) = (60_000, 0, 0);
        my $flood = pack('H*', $Raw104::TESTFR_ACT) x $want;
        while ($got < $want) {
            $sent += $from->send_until_full(substr $flood, $sent) if $sent < length $flood;
            # Takes what there is, and then some time.
            $to->fill(5) or last;
            1 while $to->fill(0);
            my $apdus = $to->{in} =~ s/$Raw104::TESTFR_ACT//g;
            $got += $apdus;
        }
        is($got, $want, 'gets everything that was sent');
        $_->close for $m, $s;
    };
}

subtest 'a master that goes in mid-frame' => sub {
    for my $how (qw(close reset)) {
        my $m = Raw104->connect_tls($port{sim}, $pki);
        my $n = next_connection();
        $m->start;
        $m->send(substr $m->i($SINGLE), 0, 20);
        my $port = $m->{port};
        $m->$how;
        my @r = story($port, 'session.close');
        is(events(@r), 'session.open session.startdt session.close', "$how: its end is recorded");
        like("$r[-1]{why} $r[-1]{leg}", qr/^master-(?:closed|reset) master$/, 'as the master\'s doing');
        ok(wait_until(sub { slurp($relay->{file}) =~ /^$n> end$/m }), 'the RTU sees the end');
        is(relayed($relay, '>', $n), $Raw104::STARTDT_ACT, 'and no half frame');
    }
    is(good_session('sim'), '', 'the next session works');
};

# ---- an RTU that errs ----

subtest 'an RTU that is not there' => sub {
    my $m = Raw104->connect_tls($port{nobody}, $pki);
    ok($m->ended, 'the master is let go');
    my @r = story($m->{port}, 'session.dial-failed');
    is(events(@r), 'session.dial-failed', 'one record');
    is("$r[0]{why} $r[0]{severity}", 'unreachable error', 'which says why');
    like($r[0]{detail}, qr/refused/i, 'in words');
    like($r[0]{target}, qr/^127\.0\.0\.1:\d+$/, 'and where');
    is($r[0]{subject}, 'CN=master.lab,O=gate104 lab', 'and for whom');
    is(good_session('sim'), '', 'another route works');
};

# A session with an RTU by hand; the code gets the station after STARTDT (and the master).
sub with_rtu {
    my ($what, $want, $do, %o) = @_;
    subtest "RTU: $what" => sub {
        my $m = Raw104->connect_tls($port{hand}, $pki);
        $m->send($Raw104::STARTDT_ACT) if !$o{early};
        my $s = Raw104->accept($by_hand) or return fail('dialled');
        if (!$o{early}) {
            ok($s->started && $m->until_apdu($Raw104::STARTDT_CON), 'STARTDT');
        }
        $do->($s, $m);
        ok($m->ended, 'the master is let go');
        is($m->{in}, $o{passed} // '', 'and got none of it');
        ok($s->ended, 'so is the RTU') if !$s->{ended};
        my @r = story($m->{port}, 'session.close');
        my $start = $o{early} ? '' : ' session.startdt';
        my $bad = $want =~ /^station-/ ? '' : ' apci.malformed';
        is(events(@r), "session.open$start$bad session.close", 'the records');
        is("$r[-1]{why} $r[-1]{leg}", "$want station", 'why it ended');
        is("$r[-2]{reason} $r[-2]{leg} $r[-2]{direction}", "$want station monitor", 'what was wrong') if $bad;
        is(good_session('hand'), '', 'the next session works');
    };
}

my $POINT = '01010300010001000001';
with_rtu('closes at once',        'station-closed', sub { $_[0]->close }, early => 1);
with_rtu('closes in mid-frame',   'station-closed', sub { $_[0]->send(substr $_[0]->i($POINT), 0, 14); $_[0]->close });
with_rtu('resets',                'station-reset',  sub { $_[0]->reset });
with_rtu('sends garbage',         'bad-start',  sub { $_[0]->send('00' . random_octets(500)) });
with_rtu('speaks before STARTDT', 'state',      sub { $_[0]->send($_[0]->i($POINT)) }, early => 1);
with_rtu('confirms unasked',      'state',      sub { $_[0]->send($Raw104::STARTDT_CON) }, early => 1);
with_rtu('sends STARTDT act',     'direction',  sub { $_[0]->send($Raw104::STARTDT_ACT) });
with_rtu('two functions',         'bad-u',      sub { $_[0]->send('6804c3000000') });
with_rtu('length 254',            'bad-length', sub { $_[0]->send('68fe' . '00' x 254) });
with_rtu('skips an N(S)',         'ns-error',   sub { $_[0]->send(Raw104::i_frame($POINT, 1, 0)) });
with_rtu('acknowledges nothing',  'nr-error',   sub { $_[0]->send(Raw104::i_frame($POINT, 0, 1)) });
with_rtu('sends more than k',     'k-exceeded', sub { my ($s) = @_; $s->send(map { $s->i($POINT) } 1 .. 13) },
    passed => join '', map { Raw104::i_frame($POINT, $_, 0) } 0 .. 11);
with_rtu('repeats an N(S)',       'ns-error',   sub { $_[0]->send((Raw104::i_frame($POINT, 0, 0)) x 2) },
    passed => Raw104::i_frame($POINT, 0, 0));

subtest 'a master that sends more than k' => sub {
    my $m = Raw104->connect_tls($port{hand}, $pki);
    $m->send($Raw104::STARTDT_ACT);
    my $s = Raw104->accept($by_hand);
    $s->started && $m->until_apdu($Raw104::STARTDT_CON);
    $m->send(map { $m->i($SINGLE) } 1 .. 13);
    ok($m->ended && $s->ended, 'both are let go');
    my @r = story($m->{port}, 'session.close');
    is(join(' ', map { $_->{reason} // () } @r) . " $r[-1]{why} $r[-1]{leg}", 'k-exceeded k-exceeded master', 'with the reason');
    # Who is not acknowledged holds them still; none is acknowledged here.
    cmp_ok(scalar(() = $s->{in} =~ /$SINGLE/g), '<=', 12, 'never more than k on the other side');
    is(good_session('hand'), '', 'the next session works');
};

# Faults in the RTU's data cost the frame, not the link.
subtest 'RTU: malformed data' => sub {
    my $m = Raw104->connect_tls($port{hand}, $pki);
    $m->send($Raw104::STARTDT_ACT);
    my $s = Raw104->accept($by_hand);
    $s->started && $m->until_apdu($Raw104::STARTDT_CON);
    my @bad = ([ '01050300010001000001', 'short' ], [ "${POINT}ff", 'trailing' ], [ '01000300010001000001', 'bad-count' ],
        [ '0281' . '030001000100000102030405', 'bad-type' ], [ '2d0106000100e9030001', 'wrong-direction' ], [ '01013f00010001000001', 'bad-cot' ],
        [ '01010300000001000001', 'bad-ca' ], [ '01010300010000000001', 'bad-ioa' ]);
    $s->send($s->i($_->[0])) for @bad;
    $s->send($s->i($POINT));
    is($m->next_apdu, Raw104::i_frame($POINT, 0, 0), 'the first the master sees is the good one');
    my @r;
    wait_until(sub { @r = grep { $_->{event} eq 'asdu.malformed' } records_of_client($dir, $m->{port}); @r == @bad });
    is(join(' ', map { "$_->{reason}/$_->{verdict}/$_->{direction}" } @r), join(' ', map { "$_->[1]/drop/monitor" } @bad),
       'one record for each of the others');
    # Frame 9 is the master's frame 1: acknowledged, all nine are.
    $m->send($m->ack);
    ok($s->until_apdu('680401001200'), 'the RTU is told that all came');
    $_->close for $m, $s;
};

is(scalar(grep { $_->{event} =~ /process-died|ipc-violation/ } records($dir)), 0, 'no process of gate104 was hurt');
is(stop_process($gate, 'TERM'), 0, 'clean stop');
is(join("\n", log_faults($dir)), '', 'the chain of the log holds');
done_testing();
