#!/usr/bin/perl
# gate104-sim against itself and against a hand-written peer: the tool the other tests
# trust has to be right first.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use IO::Socket::INET;
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);

my $SIM = bin('gate104-sim');
my $DIR = scratch();
my $runs = 0;

$SIG{PIPE} = 'IGNORE';

die "$SIM is not built: make programs\n" if !-x $SIM;

sub rtu {
    my (@options) = @_;
    my $file = "$DIR/port." . $runs++;
    my $p = spawn_process([ $SIM, 'rtu', '--listen', '127.0.0.1:0', '--port-file', $file, @options ]);
    ok(wait_until(sub { -s $file || !alive($p) }) && -s $file, "rtu @options listens")
        or diag slurp($p->{err});
    ($p->{port}) = slurp($file) =~ /(\d+)/;
    return $p;
}

# (exit status, decoded lines, stderr)
sub master {
    my ($rtu, @words) = @_;
    my ($status, $out, $err) =
        run_command([ $SIM, 'master', '--json', '--connect', "127.0.0.1:$rtu->{port}", @words ],
                    seconds => 60);
    return ($status, [ map { decode_json($_) } split /\n/, $out ], $err);
}

sub outcomes { return join ' ', map { $_->{outcome} } grep { $_->{event} eq 'result' } @{ $_[0] } }

sub received {
    my ($lines, %want) = @_;
    return grep {
        my $l = $_;
        $l->{event} eq 'apdu' && !$l->{sent} && $l->{frame} eq 'I'
            && !grep { ($l->{$_} // '') ne $want{$_} } keys %want
    } @$lines;
}

sub summary { my ($s) = grep { $_->{event} eq 'summary' } @{ $_[0] }; return $s->{text} // '' }

# A peer that is only a socket: octets in, octets out.  Sockets are kept: their names key
# what take() has left over.
my @dialled;
sub dial {
    my ($rtu) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $rtu->{port}) || die $!;
    push @dialled, $s;
    return $s;
}
sub put_hex { my ($s, $hex) = @_; $hex =~ s/\s//g; $s->syswrite(pack 'H*', $hex) }

# The APDUs that come in these seconds, in hex; undef at the end when the peer closed.
sub take {
    my ($s, $seconds, $enough) = @_;
    my ($end, @got) = (time + $seconds);
    our %rest;    # octets of an APDU that has not come whole yet
    my $buffer = \($rest{$s} //= '');
    while ((my $left = $end - time) > 0) {
        my $in = '';
        vec($in, $s->fileno, 1) = 1;
        next if select($in, undef, undef, $left) <= 0;
        return (@got, undef) if !$s->sysread($$buffer, 65536, length $$buffer);
        while (length $$buffer >= 2 && length $$buffer >= 2 + ord substr $$buffer, 1, 1) {
            push @got, unpack 'H*', substr $$buffer, 0, 2 + ord(substr $$buffer, 1, 1), '';
        }
        last if $enough && @got >= $enough;
    }
    return @got;
}
sub i_frames { return grep { defined && (hex(substr $_, 4, 2) & 1) == 0 } @_ }
sub s_frame { return sprintf '68040100%02x%02x', ($_[0] << 1) & 0xFE, $_[0] >> 7 }
use constant { START => '680407000000', STOP => '680413000000', START_CON => '68040b000000',
               STOP_CON => '680423000000', TEST => '680443000000', TEST_CON => '680483000000' };

subtest 'a station of all types' => sub {
    my $rtu = rtu('--seed', 7, '--count', 210, '--event-types',
                  '1,3,5,7,9,11,13,15,20,21,30,31,32,33,34,35,36,37,38,39,40');
    my ($status, $l) = master($rtu, qw(gi gi:7 ci ci:2), 'ci freeze', 'clock', 'read 611', 'test',
                              'receive 210', '--expect-accepted');
    is($status, 0, 'all was confirmed') or diag outcomes($l);
    my %types = map { $_->{type} => 1 } received($l);
    ok($types{$_}, "type $_ came")
        for 1, 3, 5, 7, 9, 11, 13, 15, 20, 21, 30 .. 40, 70, 100, 101, 103, 107;
    my @gi = received($l, cot => 20);
    is(join(' ', sort { $a <=> $b } keys %{ { map { $_->{type} => 1 } @gi } }),
       '1 3 5 7 9 11 13 20 21', 'interrogation answers without time tag');
    ok(!(grep { !$_->{sq} } @gi), 'as sequences');
    is(scalar(map { @{ $_->{objects} } } @gi), 900, 'every point but the counters');
    is(join(' ', map { $_->{type} } received($l, cot => 27)), '13 13 13', 'group 7 is the floats');
    is(scalar(map { @{ $_->{objects} } } received($l, cot => 37)), 100, 'counters');
    is(scalar(map { @{ $_->{objects} } } received($l, cot => 39)), 25, 'a counter group');
    is((received($l, cot => 5))[0]{objects}[0]{ioa}, 611, 'read');
    is(scalar(received($l, type => 70)), 1, 'end of initialisation once');
    ok(!(grep { $_->{malformed} } received($l)), 'nothing malformed');
    my ($s2, $l2) = master($rtu, 'gi');
    is($s2, 0, 'a second connection');
    is(scalar(received($l2, type => 70)), 0, 'no initialisation after a reconnect');
    is(stop_process($rtu, 'TERM'), 0, 'clean stop');
};

subtest 'commands' => sub {
    my $rtu = rtu('--select-timeout', 1);
    my ($status, $l) = master($rtu, '--expect-accepted',
        'single 1001 on', 'expect termination', 'read 1', 'single 1001 off timed', 'read 1',
        'double 1101 on', 'double 1102 off timed', 'step 1201 higher', 'step 1202 lower timed',
        'setpoint-normalized 1501 -0.5', 'setpoint-normalized 1502 0.5 timed',
        'setpoint-scaled 1401 -77', 'setpoint-scaled 1402 77 timed', 'setpoint-float 1301 42.5',
        'read 601', 'setpoint-float 1302 1e6 timed', 'bitstring 1601 4023233417',
        'bitstring 1602 7 timed', 'parameter-normalized 401 0.5', 'parameter-scaled 501 1',
        'parameter-float 601 1', 'parameter-activate 601',
        'single 2001 on select execute', 'double 2101 off select execute timed',
        'single 1001 on select cancel', 'single 1001 off test-bit', 'read 1',
        'reset', 'stop', 'start', 'testfr', 'clock ca 65535', 'gi ca 65535');
    is($status, 0, 'all confirmed') or diag explain [ grep { $_->{event} eq 'result' && !$_->{expected} } @$l ];
    my @reads = map { $_->{objects}[0]{value} } received($l, cot => 5);
    is("@reads", 'on off 42.5 on', 'commands act, those with the test bit do not');
    is(scalar(received($l, cot => 11)), 8, 'return information of switching commands');
    is((received($l, type => 103))[0]{ca}, 1, 'a broadcast is answered with the own address');
    is((received($l, type => 70, ca => 1))[1]{objects}[0]{'initialised-by'}, 2, 'reset');

    ($status, $l) = master($rtu, '--expect-refused',
        'single 2001 on', 'single 3001 on', 'single 1001 on cancel', 'double 1101 0',
        'setpoint-float 1301 nan', 'single 1001 on qu 7', 'gi qualifier 99',
        'single 77 on', 'single 1101 on', 'read 9999', 'gi ca 9', 'raw 2d0103000100e9030001',
        'raw 64010600010001000014', 'raw 2a010600010000000000', 'raw 2d8106000100e9030001');
    is($status, 0, 'all refused') or diag explain [ grep { $_->{event} eq 'result' && !$_->{expected} } @$l ];
    is(join(' ', map { $_->{cause} } grep { $_->{event} eq 'result' } @$l),
       '7 7 9 7 7 7 7 47 47 47 46 45 47 44 44', 'each for its reason');
    ok(!(grep { !$_->{negative} } received($l)), 'refusals carry P/N = 1');

    ($status, $l) = master($rtu, 'single 2001 on select accepted', 'single 2001 off refused',
        'single 2001 on refused', 'single 2001 on select accepted', 'wait 1.2',
        'single 2001 on refused', 'single 2001 on select oa 3 accepted', 'single 2002 on select oa 3 refused',
        'single 2001 on oa 4 refused', 'single 2001 on oa 3 accepted');
    is($status, 0, 'select: other value, time-out, second select, other originator')
        or diag explain [ grep { $_->{event} eq 'result' } @$l ];
    is((received($l, oa => 3))[0]{oa}, 3, 'the originator comes back');

    my $strict = rtu('--max-delay', 5);
    ($status) = master($strict, 'single 1001 on timed accepted', 'single 1001 on timed age 60 refused');
    is($status, 0, 'old time tags');
    ($status) = master($strict, 'single 1001 on refused');
    is($status, 1, 'not as expected is status 1');
    ($status) = master($strict, 'single 3001 on');
    is($status, 0, 'a refusal is an answer');
    ($status, $l) = master($strict, 'single 1001 on', 'expect negative');
    is($status, 1, 'expect negative');
};

# Written by hand from the standard, as the only judge both directions have in common.
subtest 'octets' => sub {
    my $rtu = rtu('--ca', 258);
    my %want = (
        'single 1001 on'                 => '2d0106000201e9030001',
        'single 1001 on select qu 2'     => '2d0106000201e9030089',
        'double 1101 off oa 5'           => '2e01060502014d040001',
        'step 1201 higher'               => '2f0106000201b1040002',
        'setpoint-normalized 1501 -0.5'  => '300106000201dd050000c000',
        'setpoint-normalized 1501 0.75'  => '300106000201dd0500006000',
        'setpoint-normalized 1501 1'     => '300106000201dd0500ff7f00',
        'setpoint-scaled 1401 -2 ql 64'  => '3101060002017905 00feff40',
        'setpoint-float 1301 -3.25'      => '32010600020115050000 0050c000',
        'bitstring 1601 4023233417'      => '330106000201410600 89abcdef',
        'gi:3'                           => '64010600020100000017',
        'gi cancel'                      => '64010800020100000014',
        'ci:2 freeze'                    => '65010600020100000042',
        'read 66051'                     => '660105000201030201',
        'reset'                          => '69010600020100000001',
        'parameter-float 601 1'          => '7001060002015902000000803f01',
        'parameter-activate 601'         => '710106000201590200 03',
        'single 1001 off test-bit'       => '2d0186000201e9030000',
    );
    my ($status, $l) = master($rtu, '--ca', 258, map { "$_ nowait" } sort keys %want);
    my @sent = map { $_->{asdu} } grep { $_->{event} eq 'apdu' && $_->{sent} && $_->{frame} eq 'I' } @$l;
    is($sent[$_], $want{ (sort keys %want)[$_] } =~ s/ //gr, (sort keys %want)[$_]) for 0 .. $#sent;
    is(scalar @sent, scalar keys %want, 'all sent');

    ($status, $l) = master($rtu, '--ca', 258, 'clock', 'single 1001 on timed');
    my ($clock, $timed) = grep { $_->{event} eq 'apdu' && $_->{sent} && $_->{frame} eq 'I' } @$l;
    my @t = gmtime;
    my ($ms, $min, $h, $day, $mon, $year) = unpack 'vC5', pack 'H*', substr $clock->{asdu}, 18;
    is(sprintf('%d %d %d %d', $h, $day, $mon, $year), sprintf('%d %d %d %d', $t[2], $t[3] | ($t[6] || 7) << 5, $t[4] + 1, $t[5] - 100),
       'CP56Time2a: hour, day, weekday, month, year');
    ok($min < 60 && $ms < 60000 && $min == (gmtime)[1], 'minute');
    like($timed->{asdu}, qr/^3a0106000201e9030001[0-9a-f]{14}$/, 'type 58');

    $rtu = rtu('--ca', 258);
    ($status, $l) = master($rtu, '--ca', 258, 'gi', 'ci', 'setpoint-normalized 1501 -0.5', 'double 1101 off', 'read 401', 'read 101');
    my %first;
    $first{ $_->{type} } //= $_ for received($l, cot => 20), received($l, cot => 37);
    my %head = (1 => '01', 3 => '02', 5 => '0100', 7 => '0001010100', 9 => '2d1900', 11 => '0a0000',
                13 => '0000c03f00', 15 => 'e803000000', 20 => '0001010100', 21 => '2d19');
    is(substr($first{$_}{asdu}, 18, length $head{$_}), $head{$_}, "first point of type $_") for sort { $a <=> $b } keys %head;
    is(join(' ', map { substr $_->{asdu}, 18 } received($l, cot => 5)), '00c000 01', 'values read back');
};

subtest 'link layer of the station' => sub {
    my $rtu = rtu(qw(--count 100 --k 5 --w 3 --t1 2 --t2 1 --t3 20 --event-types 33 --once));
    my $s = dial($rtu);
    put_hex($s, START);
    my @got = take($s, 0.7);
    is($got[0], START_CON, 'STARTDT con');
    is(scalar(i_frames(@got)), 5, 'no more than k');
    put_hex($s, s_frame(3));
    is(scalar(i_frames(take($s, 0.5))), 3, 'as many as were acknowledged');
    put_hex($s, STOP);
    is(join(' ', take($s, 0.3)), '', 'STOPDT waits for acknowledgement');
    put_hex($s, s_frame(8));
    is(join(' ', take($s, 0.5, 1)), STOP_CON, 'and is then confirmed');
    put_hex($s, TEST);
    is(join(' ', take($s, 0.5, 1)), TEST_CON, 'TESTFR');
    put_hex($s, START);
    @got = take($s, 4);
    is($got[0], START_CON, 'started again');
    is(scalar(i_frames(@got)), 5, 'k again');
    ok(!defined $got[-1], 't1 without acknowledgement closes');
    stop_process($rtu);

    $rtu = rtu(qw(--count 9 --t3 1 --t1 2 --t2 1 --event-types 33));
    $s = dial($rtu);
    @got = take($s, 1.6, 1);
    is($got[0], TEST, 't3: TESTFR act, also while stopped');
    @got = take($s, 4);
    ok(!defined $got[-1], 'no TESTFR con: closed');

    my @faults = (
        [ 'I before STARTDT',         '680e0000000064010600010000000014' ],
        [ 'S before STARTDT',         s_frame(0) ],
        [ 'wrong N(S)',               START . '680e0200000064010600010000000014' ],
        [ 'N(R) ahead',               START . s_frame(100) ],
        [ 'start octet',              '670407000000' ],
        [ 'length 3',                 '6803070000' ],
        [ 'length 254',               '68fe' ],
        [ 'two functions',            '680447000000' ],
        [ 'STARTDT con from a master', START_CON ],
    );
    for my $f (@faults) {
        $s = dial($rtu);
        put_hex($s, $f->[1]);
        @got = take($s, 1.5);
        ok(@got && !defined $got[-1], "closed: $f->[0]");
    }
    my ($status) = master($rtu, 'gi accepted');
    is($status, 0, 'and goes on with the next');

    # Unacknowledged events come again on the next connection.
    $rtu = rtu(qw(--count 20 --k 12 --event-types 33));
    $s = dial($rtu);
    put_hex($s, START);
    is(scalar(i_frames(take($s, 5, 13))), 12, 'a window of events');
    # The first I-frame is the end of initialisation.
    put_hex($s, s_frame(4));
    is(scalar(i_frames(take($s, 5, 4))), 4, 'four acknowledged, four more');
    close $s;
    my $l;
    ($status, $l) = master($rtu, 'receive 17');
    is(join(' ', map { hex $_->{objects}[0]{value} } received($l)), join(' ', 3 .. 19),
       'what was not acknowledged is sent again, in order');
};

subtest 'link layer of the master' => sub {
    my $server = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', ReuseAddr => 1);
    my $fake = { port => $server->sockport };
    my $i = sub { sprintf '6812%02x%02x0000' . '070103000100' . '2d0100' . '%02x000000' . '00', (2 * $_[0]) & 0xFE, $_[0] >> 7, $_[0] & 255 };
    my $with = sub {
        my ($code, @words) = @_;
        my $p = spawn_process([ $SIM, 'master', '--json', '--connect', "127.0.0.1:$fake->{port}", @words ]);
        my $s = $server->accept;
        push @dialled, $s;
        is((take($s, 5, 1))[0], START, 'STARTDT act');
        put_hex($s, START_CON);
        $code->($s);
        close $s;
        my $status = stop_process($p);
        return (defined $status ? $status >> 8 : -1, slurp($p->{out}));
    };
    my ($status, $out) = $with->(sub {
        my ($s) = @_;
        put_hex($s, join '', map { $i->($_) } 0 .. 2);
        is((take($s, 5, 1))[0], s_frame(3), 'w');
        put_hex($s, TEST);
        is((take($s, 2, 1))[0], TEST_CON, 'TESTFR');
    }, qw(--w 3));
    is($status, 2, 'a lost connection is status 2');
    ($status, $out) = $with->(sub {
        my ($s) = @_;
        put_hex($s, $i->(0));
        my $began = time;
        is((take($s, 5, 1))[0], s_frame(1), 't2');
        cmp_ok(time - $began, '>', 0.8, 'not before t2');
    }, qw(--t2 1 --t1 5));
    for my $f ([ 'N(S) 1 received, 0 expected', $i->(1) ], [ 'acknowledges what was not sent', s_frame(1) ],
               [ 'STARTDT con without a request', START_CON ], [ 'from a controlled station', STOP ]) {
        ($status, $out) = $with->(sub { put_hex($_[0], $f->[1]); take($_[0], 3) }, 'wait 5');
        is($status, 2, "broken link: $f->[0]");
        like($out, qr/\Q$f->[0]\E/, 'and says so');
    }
    ($status, $out) = $with->(sub { take($_[0], 4) }, qw(--t1 2 --t2 1), 'single 1001 on');
    is($status, 2, 't1 without acknowledgement');
    ($status, $out) = $with->(sub { take($_[0], 1, 1); put_hex($_[0], s_frame(1)); take($_[0], 3) },
                              qw(--timeout 1), 'single 1001 on');
    is($status, 1, 'no answer in time');
    like($out, qr/"timeout"/, 'is told');
    ($status) = $with->(sub { }, 'expect closed');
    is($status, 0, 'expect closed');
};

subtest 'numbers wrap' => sub {
    my $rtu = rtu(qw(--quiet --count 40000 --event-types 33));
    my ($status, $l) = master($rtu, qw(--quiet --dump-asdus), "$DIR/wrap", 'receive 40001', 'gi accepted');
    is($status, 0, '40000 events');
    my @n = map { unpack 'V', pack 'H*', substr $_, 18, 8 } grep { /^21/ } split /\n/, slurp("$DIR/wrap");
    is(scalar(grep { $n[$_] != $_ } 0 .. $#n) + 40000 - @n, 0, 'all of them, in order');

    # Which events are acknowledged has to stay right across the wrap.
    $rtu = rtu(qw(--quiet --count 40000 --event-types 33));
    my $s = dial($rtu);
    put_hex($s, START);
    my $n = -1;
    for (1 .. 5000) {
        $n += grep { defined } take($s, 5, 1);
        last if $n >= 32760;
        put_hex($s, s_frame($n));
    }
    # What is acknowledged one by one moves the window by one each.
    $n += grep { defined } take($s, 0.3);
    my $acked = $n - 12;
    while ($acked < 32773) {
        put_hex($s, s_frame(++$acked & 0x7FFF));
        take($s, 5, 1);
    }
    close $s;
    # Frame 0 was the end of initialisation.
    ($status, $l) = master($rtu, 'receive 1');
    is(hex((received($l))[0]{objects}[0]{value}), $acked - 1, 'and what follows comes again');
};

subtest 'many connections' => sub {
    my $rtu = rtu();
    my @s = map { dial($rtu) } 1 .. 20;
    put_hex($_, START) for @s;
    is(scalar(grep { ((take($_, 2, 1))[0] // '') eq START_CON } @s), 20, 'twenty at once');
    my ($status) = master($rtu, 'gi accepted');
    is($status, 0, 'and one more');
    my $one = rtu('--one-started');
    my ($a, $b) = (dial($one), dial($one));
    put_hex($a, START);
    take($a, 1, 2);
    put_hex($b, START);
    is((take($b, 2, 1))[0], START_CON, 'redundancy group: the second takes over');
    ok(!defined((take($a, 2))[-1]), 'and the first is closed');
};

subtest 'TLS' => sub {
    my $pki = pki();
    my @server = ('--tls', '--cert', "$pki/station.crt", '--key', "$pki/station.key", '--ca-file', "$pki/ca.crt");
    my @client = ('--tls', '--cert', "$pki/master.crt", '--key', "$pki/master.key", '--ca-file', "$pki/ca.crt");
    my $rtu = rtu(@server);
    for my $v ('1.2', '1.3') {
        my ($status, $l) = master($rtu, @client, '--tls-max', $v, '--peer-name', 'station.lab',
                                  'gi accepted', 'single 1001 on accepted');
        is($status, 0, "TLS $v");
        like((grep { $_->{event} eq 'connected' } @$l)[0]{text}, qr/TLSv$v .*CN=/, 'with a named peer');
    }
    my ($status, $l) = master($rtu, '--tls', '--ca-file', "$pki/ca.crt", 'gi');
    is($status, 2, 'no client certificate');
    ($status) = master($rtu, @client, '--peer-name', 'other.lab', 'gi');
    is($status, 2, 'another name');
    ($status) = master($rtu, 'gi');
    is($status, 2, 'no TLS');
    my $busy = rtu(@server, '--count', 3000);
    ($status, $l) = master($busy, @client, '--record-reader', 'gi accepted', 'receive 3000');
    is($status, 0, 'one APDU per record: the record reader gets everything');
    my ($seen) = grep { $_->{event} eq 'records' } @$l;
    like($seen->{text}, qr/most APDUs in one record 1, records cut inside an APDU 0, most APDUs left waiting for the socket 0/,
         'and counts');

    my $batch = rtu(@server, '--batch');
    ($status, $l) = master($batch, @client, '--record-reader', '--timeout', 1, 'gi');
    is($status, 1, 'many APDUs in a record: the record reader starves');
    ($seen) = grep { $_->{event} eq 'records' } @$l;
    like($seen->{text}, qr/most APDUs in one record (?:[2-9]|1\d), .*left waiting for the socket [1-9]/, 'and says why');
    ($status) = master($batch, @client, '--timeout', 1, 'gi accepted');
    is($status, 0, 'an ordinary reader does not');
};

# ---- captures made here ------------------------------------------------------------

sub tcp_packet {
    my ($seq, $payload, %o) = @_;
    my ($from, $to) = $o{client} ? (40000, 2404) : (2404, 40000);
    my $tcp = pack('nnNNCCnnn', $from, $to, $seq, 1, 5 << 4, $o{flags} // 0x18, 1000, 0, 0) . $payload;
    my $ip = pack('CCnnnCCna4a4', 0x45, 0, 20 + length $tcp, 1, $o{fragment} // 0, 64, 6, 0, "\x0a\0\0\2", "\x0a\0\0\1");
    my $vlan = $o{vlan} ? pack('nn', 0x8100, 7) : '';
    my $link = ($o{link} // 1) == 1 ? ("\0" x 12) . $vlan . pack('n', 0x0800)
             : $o{link} == 113     ? ("\0" x 14) . pack('n', 0x0800)
             : $o{link} == 276     ? pack('n', 0x0800) . ("\0" x 18) : '';
    return $link . $ip . $tcp . ($o{trailer} // '');
}
sub pcap {
    my ($file, $link, $big, @packets) = @_;
    my $l = $big ? '>' : '<';
    my $t = 0;
    return spew($file, pack("L${l}S${l}S${l}l${l}L${l}L${l}L${l}", 0xA1B2C3D4, 2, 4, 0, 0, 65535, $link)
        . join '', map { pack("L${l}4", 1000, $t += 1000, length, length) . $_ } @packets);
}
sub pcapng {
    my ($file, @packets) = @_;
    my $block = sub { my ($type, $body) = @_; $body .= "\0" x (-length($body) % 4);
                      return pack('VV', $type, 12 + length $body) . $body . pack('V', 12 + length $body) };
    return spew($file, $block->(0x0A0D0D0A, pack('VvvQ<', 0x1A2B3C4D, 1, 0, ~0)) . $block->(1, pack('vvV', 1, 0, 0))
        . join '', map { $block->(6, pack('VVVVV', 0, 0, 1000, length, length) . $_) } @packets);
}
sub listed {
    my ($file, @o) = @_;
    my ($status, $out, $err) = run_command([ $SIM, 'rtu', @o, '--replay-list', $file ]);
    return wantarray ? ($status, $out, $err) : $out;
}

subtest 'reading captures' => sub {
    my @asdu = map { sprintf '0d010300010001%02x00%08x00', $_, $_ } 1 .. 6;
    my @apdu = map { pack 'H*', sprintf('68%02x%02x000000', 4 + length($asdu[$_]) / 2, 2 * $_) . $asdu[$_] } 0 .. 5;
    my $want = join '', map { "$_\n" } @asdu;
    my @at = (1000);
    push @at, $at[-1] + length $apdu[$_] for 0 .. 5;
    my @p = map { [ $at[$_], $apdu[$_] ] } 0 .. 5;
    my $whole = sub { my (%o) = @_; return map { tcp_packet($_->[0], $_->[1], %o) } @p };
    my $f = "$DIR/x.pcap";
    my $syn = tcp_packet(999, '', flags => 0x12);

    is(listed(pcap($f, 1, 0, $syn, $whole->())), $want, 'Ethernet');
    is(listed(pcap($f, 1, 1, $syn, $whole->())), $want, 'big endian');
    is(listed(pcap($f, 1, 0, $syn, $whole->(vlan => 1))), $want, 'VLAN tag');
    is(listed(pcap($f, 113, 0, $syn =~ s/^.{14}/("\0" x 14) . "\x08\0"/ser, $whole->(link => 113))), $want, 'Linux cooked');
    is(listed(pcap($f, 276, 0, $whole->(link => 276))), $want, 'Linux cooked 2');
    is(listed(pcap($f, 101, 0, $whole->(link => 101))), $want, 'raw IP');
    is(listed(pcapng($f, $syn, $whole->())), $want, 'pcapng');
    is(listed(pcap($f, 1, 0, $whole->(trailer => "\0" x 6))), $want, 'Ethernet padding');
    is(listed(pcap($f, 1, 0, $syn, map { tcp_packet(@$_) } @p[0, 2, 1, 4, 3, 5])), $want, 'out of order');
    is(listed(pcap($f, 1, 0, $syn, map { tcp_packet(@$_) } @p[0, 1, 1, 0, 2, 3, 4, 5, 5])), $want, 'retransmissions');
    is(listed(pcap($f, 1, 0, $syn, tcp_packet(1000, join '', @apdu))), $want, 'all in one segment');
    my $all = join '', @apdu;
    is(listed(pcap($f, 1, 0, $syn, map { tcp_packet(1000 + $_, substr $all, $_, 1) } 0 .. length($all) - 1)), $want, 'octet by octet');
    is(listed(pcap($f, 1, 0, $syn, tcp_packet(1000, substr $all, 0, 50), tcp_packet(1030, substr $all, 30))), $want, 'overlap');
    is(listed(pcap($f, 1, 0, tcp_packet(999, "\0"), $whole->())), $want, 'keep-alive before the stream');
    is(listed(pcap($f, 1, 0, tcp_packet(999, "\x68"), $whole->())), $want, 'one that looks like a start octet');
    is(listed(pcap($f, 1, 0, $syn, tcp_packet(999, "\0"), (map { tcp_packet(@$_) } @p[0 .. 2]), tcp_packet($at[3] - 1, "\0"),
                   map { tcp_packet(@$_) } @p[3 .. 5])), $want, 'keep-alive within it');
    is(listed(pcap($f, 1, 0, $syn, map { tcp_packet(@$_) } @p[0, 1, 3, 4, 5])), join('', map { "$asdu[$_]\n" } 0, 1, 3, 4, 5), 'a gap that stays');
    is(listed(pcap($f, 1, 0, $syn, $whole->(client => 1))), '', 'the other direction does not count');
    is(listed(pcap($f, 1, 0, $syn, $whole->(fragment => 0x2000))), '', 'fragments do not count');
    is(listed(pcap($f, 1, 0, map { tcp_packet(1000, $_) } @apdu), '--per-packet'), $want, 'per packet');
    my $near = 0xFFFFFFF0;
    is(listed(pcap($f, 1, 0, tcp_packet($near - 1, '', flags => 0x12),
                   map { tcp_packet(($near + $at[$_] - 1000) & 0xFFFFFFFF, $apdu[$_]) } 0 .. 5)), $want, 'sequence number wrap');

    # Damage of every kind: never a crash, never more than what is whole.
    my $good = slurp(pcap($f, 1, 0, $syn, $whole->()));
    my $bad = 0;
    srand 104;
    for my $n (1 .. 60) {
        my $octets = $good;
        substr($octets, rand length $octets, 1) = chr rand 256 for 1 .. 1 + $n % 4;
        $octets = substr $octets, 0, rand length $octets if $n % 3 == 0;
        my ($status) = listed(spew($f, $octets));
        $bad++ if $status != 0 && $status != 2;
    }
    is($bad, 0, 'sixty damaged captures');
    is((listed("$DIR/none"))[0], 2, 'no such file');
    is((listed(spew($f, 'GIF89a, not a capture at all')))[0], 2, 'no capture');
};

subtest 'replay' => sub {
    my $folder = "$ROOT/../shared/data/captures";
    my @captures = grep { -e } map { "$folder/$_.pcap" } qw(iti_090813_diverse iti_JavaRMI_and_IEC_Misc zeekiec104_first ndpi_IEC104);
    plan skip_all => "no captures in $folder" if !@captures;
    my $pki = pki();
    for my $file (@captures) {
        my ($name) = $file =~ m{([^/]+)$};
        my $list = listed($file);
        my $n = () = $list =~ /\n/g;
        cmp_ok($n, '>', 5, "$name: $n ASDUs");
        if (qx(tshark --version 2>/dev/null)) {
            my $types = join ' ', map { hex substr $_, 0, 2 } split /\n/, $list;
            my @theirs = split /[\s,]+/, qx(tshark -r $file -Y 'iec60870_asdu && tcp.srcport==2404' -T fields -e iec60870_asdu.typeid 2>/dev/null);
            is($types, "@theirs", "$name: the types tshark sees");
        }
        for my $tls (0, 1) {
            my @common = ('--tls', '--ca-file', "$pki/ca.crt");
            my $rtu = rtu('--replay', $file, '--replay-speed', 0,
                          $tls ? (@common, '--cert', "$pki/station.crt", '--key', "$pki/station.key") : ());
            my ($status, $l) = master($rtu, '--dump-asdus', "$DIR/got", "receive $n", 'idle 0.1',
                                      $tls ? (@common, '--cert', "$pki/master.crt", '--key', "$pki/master.key", '--record-reader') : ());
            is($status, 0, "$name: replayed, TLS $tls");
            is(slurp("$DIR/got"), $list, "$name: octet for octet");
        }
    }
};

subtest 'what tshark makes of it' => sub {
    plan skip_all => 'no tshark and text2pcap' if !qx(tshark --version 2>/dev/null) || !qx(text2pcap --version 2>&1);
    my $rtu = rtu('--count', 63, '--event-types', '1,3,5,7,9,11,13,15,20,21,30,31,32,33,34,35,36,37,38,39,40');
    my ($status, $l) = master($rtu, 'gi', 'ci', 'single 1001 on timed', 'setpoint-float 1301 -3.25',
                              'setpoint-scaled 1401 -77', 'setpoint-normalized 1501 -0.5 timed', 'clock', 'read 9999',
                              'single 1001 on test-bit', 'receive 63');
    my @frames = grep { $_->{event} eq 'apdu' } @$l;
    spew("$DIR/hex", join '', map { ($_->{sent} ? "O\n" : "I\n") . '000000 ' . join(' ', unpack '(A2)*', $_->{apdu}) . "\n" } @frames);
    system("text2pcap -q -D -T 40000,2404 -4 10.0.0.1,10.0.0.2 $DIR/hex $DIR/s.pcap 2>/dev/null") == 0 or die;
    is(qx(tshark -r $DIR/s.pcap -Y '_ws.malformed' 2>/dev/null), '', 'nothing is malformed');
    my @fields = map { "iec60870_asdu.$_" } qw(typeid causetx nega test addr ioa float normval scalval);
    my @theirs = map { chomp; [ split /\t/, $_, -1 ] }
        qx(tshark -r $DIR/s.pcap -Y iec60870_asdu -T fields @{[ map { "-e $_" } @fields ]} 2>/dev/null);
    my @ours = grep { $_->{frame} eq 'I' } @frames;
    is(scalar @theirs, scalar @ours, 'the same number of ASDUs');
    my @wrong;
    for my $i (0 .. $#ours) {
        my ($o, $t) = ($ours[$i], $theirs[$i]);
        my @values = map { split /,/ } grep { length } @{$t}[6 .. 8];
        my $same = $o->{type} == $t->[0] && $o->{cot} == $t->[1] && !!$o->{negative} == ($t->[2] =~ /1|True/)
            && !!$o->{test} == ($t->[3] =~ /1|True/) && $o->{ca} == $t->[4];
        # tshark lists only the first object of a packed type.
        $same &&= join(',', map { $_->{ioa} } @{ $o->{objects} }) eq $t->[5] if $o->{type} != 20 && $o->{type} != 102;
        $same &&= !grep { abs($values[$_] - $o->{objects}[$_]{value}) > 1e-4 * (1 + abs $values[$_]) } 0 .. $#values;
        push @wrong, [ $o, $t ] if !$same;
    }
    is(scalar @wrong, 0, 'types, causes, addresses and values agree') or diag explain $wrong[0];
};

subtest 'the command line' => sub {
    for my $bad ([], ['rtu', '--nonsense'], ['rtu', '--k', '0'], ['rtu', '--w', '13'], ['rtu', '--tls'],
                 ['rtu', '--event-types', '45'], ['rtu', '--listen', 'nowhere'], ['master', 'gi'],
                 ['master', '--connect', '127.0.0.1:1', 'fly'], ['master', '--connect', '127.0.0.1:1', 'single', '1001'],
                 ['master', '--connect', '127.0.0.1:1', 'single 1001 higher'], ['master', '--connect', '127.0.0.1:1', 'gi:17'],
                 ['master', '--connect', '127.0.0.1:1', 'bitstring 1601 1 select'], ['master', '--connect', '127.0.0.1:1', 'raw xyz'],
                 ['master', '--connect', '127.0.0.1:1', '--script', "$DIR/none"], ['master', '--connect', '127.0.0.1:' . free_port(), 'gi']) {
        my ($status, $out, $err) = run_command([ $SIM, @$bad ]);
        is($status, 2, "status 2: @$bad");
    }
    my $rtu = rtu();
    spew("$DIR/script", "# morning round\ngi   # everything\nsingle 2001 on select execute accepted\n\nsetpoint-float 1301\n  42.5\n");
    my ($status, $l) = master($rtu, '--script', "$DIR/script", 'read 601');
    is($status, 0, 'a script');
    is(outcomes($l), 'confirmed confirmed confirmed data', 'its steps');
    ($status, $l) = master($rtu, '--count', 20, '--rate', 100, 'single 1001 on accepted');
    is($status, 0, 'repeated');
    like(summary($l), qr/confirmed 20,/, 'twenty times');
    my ($s, $out) = run_command([ $SIM, 'master', '--connect', "127.0.0.1:$rtu->{port}", 'single 3001 on', 'read 77777' ]);
    like($out, qr/single 3001 on: REFUSED \(negative confirmation\)/, 'words for people');
    like($out, qr/received C_SC_NA_1 single command, NEGATIVE activation confirmation, CA 1, IOA 3001 on/, 'a line per APDU');
    like($out, qr/read 77777: REFUSED \(unknown object address, cause 47\)/, 'mirrored');
    ($status) = master($rtu, '--no-start', 'raw-apdu 670407000000', 'expect closed');
    is($status, 0, 'raw octets');
    ($status) = master($rtu, 'gi', 'abort');
    is($status, 0, 'abort');
};

done_testing();
