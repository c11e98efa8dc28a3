# Part of make_corpus: seeds of what processes tell each other, and of the relay.
use strict;
use warnings;

# ---- log records (proxy/record.h) ------------------------------------------------------

sub record {
    my ($event, $sync, @fields) = @_;
    return pack('vC', $event, $sync) . pack('Q<', 77) . join '', @fields;
}
sub number { pack 'CQ<', @_ }
sub octets { pack('C', $_[0]) . blob16($_[1]) }

my @events = do {
    open my $fh, '<', "$FindBin::Bin/../proxy/event.def" or die "event.def: $!";
    map { /^X\(\w+,\s*(\d+),/ ? $1 : () } <$fh>;
};
seed('record', "event_$_", record($_, 0, number(1, 5), number(2, 0))) for @events;
seed('record', 'command', record($events[0], 1, number(1, 1), number(2, 0), number(3, 0),
    number(34, 9), octets(4, "\x68\x04\x07\0\0\0"), octets(7, 'pass'), octets(8, 'feeders'),
    octets(12, 'CN=scada'), octets(9, "\x11" x 32)));
seed('record', 'twice',   record($events[0], 0, number(1, 1), number(1, 2)));
seed('record', 'no_tag',  record($events[0], 0, octets(127, 'x')));
seed('record', 'too_big', record($events[0], 0, octets(7, 'x' x 17)));
seed('record', 'cut',     substr record($events[0], 1, octets(4, 'x' x 20)), 0, 30);
seed('record', 'nul',     record($events[0], 1, octets(20, "a\0b"), octets(20, '')));

# ---- APDUs for a recording -------------------------------------------------------------

{
    my $end4 = pack('CCvC16', 4, 0, 2404, 10, 0, 0, 1, (0) x 12);
    my $end6 = pack('CCvC16', 6, 0, 40000, 0xFE, 0x80, (0) x 13, 1);
    my $head = sub { my ($session, $from, $to, @dropped) = @_; return pack('Q<', $session) . $from . $to . pack('VVvv', @dropped, 0, 0) };
    my $apdu = sub { my ($time, $leg, $sent, $octets) = @_; return pack('Q<CCCC', $time, $leg, $sent, length $octets, 0) . $octets };
    my $testfr = "\x68\x04\x43\0\0\0";
    seed('recorded', 'one',    $head->(1, $end4, $end4, 0, 0) . $apdu->(1_700_000_000_000_000, 0, 0, $testfr));
    seed('recorded', 'both',   $head->(1, $end6, $end4, 3, 1) . $apdu->(5, 0, 0, $testfr) . $apdu->(6, 1, 1, "\x68" . "\xff" x 254));
    seed('recorded', 'counts', $head->(0, "\0" x 20, "\0" x 20, 7, 0));
    seed('recorded', 'none',   $head->(0, "\0" x 20, "\0" x 20, 0, 0));
    seed('recorded', 'cut',    substr $head->(1, $end4, $end4, 0, 0) . $apdu->(1, 0, 0, $testfr), 0, 75);
    seed('recorded', 'third',  $head->(1, $end4, $end4, 0, 0) . $apdu->(1, 2, 0, $testfr));
    seed('recorded', 'late',   $head->(1, $end4, $end4, 0, 0) . $apdu->(253_402_300_800_000_000, 1, 0, $testfr));
}

# ---- the session log (doc/log-format.md) -------------------------------------------------

my $apdu = hex_octets('68 0e 02 00 02 00 2d 01 06 00 01 00 e9 03 00 81');
my $profile = "\0" x 9;
seed('log_line', "event_$_", $profile . record($_, 0, number(1, 5), number(3, 0), number(2, 1), octets(4, $apdu)))
    for grep { $_ % 5 == 0 } @events;
seed('log_line', 'texts', $profile . record($events[0], 1, map({ octets($_, "\"a\\\0\xc3\xbc") } 12, 13, 16, 20),
     octets(9, "\x11" x 32), number(5, 58), number(46, 4), number(34, 77), number(23, 2**60)));
seed('log_line', 'grown', $profile . record($events[0], 0, map { octets($_, "\0" x 255) } 12, 13, 16, 20));
seed('log_line', 'short_sizes', "\x07" . "\0" x 8 . record($events[0], 0, number(2, 1),
     octets(4, hex_octets('68 0b 00 00 00 00 2d 01 06 05 00 01 81'))));

my $line = '{"v":1,"seq":1,"time":"2026-11-21T02:33:04.123Z","mono_ms":1,"boot":"a1b2c3d4","from":"gate-0",'
    . '"event":"session.open","severity":"notice","session":1,"prev":"' . '0' x 64 . '"}' . "\n";
# An octet that changes one, a place, a value; a line, another one.
my %breaks = (
    whole    => '0b',        flip    => '0b 02 10 01 03', set   => '0b 00 02 00 41',
    cut      => '0b 06 09 80 00', run => '05 08 00 01 ff 41', insert => '05 0a 00 02 03 61 62 63',
    delete   => '0b 04 00 01 20', drop => '0b 01 03 00', move   => '0b 03 03 05',
    double   => '0b 05 03 03', number => '0b 07 03 09',  rechain => '0b 02 00 03 01 09 02 00',
    shorten  => '0b 0b 03 00', longest => '0b 0d 0b 01', too_long => '0b 0d 0b 02', two     => '0b 02 10 01 03 02 10 01 03',
);
for my $target (qw(log_verify log_recover)) {
    seed($target, "break_$_", "\1" . hex_octets($breaks{$_})) for sort keys %breaks;
    seed($target, 'line', "\0$line");
    seed($target, 'lines', "\0$line$line");
    seed($target, 'torn', "\0$line" . substr $line, 0, 40);
    seed($target, 'json', "\0" . '{"v":1,"event":"op.command","type":"C_SC_NA_1","value":1,"ioa":9,"ca":1}' . "\n");
    seed($target, 'empty', "\0");
}

# ---- seals, and what an auditor gives with them --------------------------------------------

{
    my $vectors = "$FindBin::Bin/../tests/vectors/log";
    my $read = sub { open my $fh, '<', "$vectors/$_[0]" or die "$_[0]: $!"; local $/; <$fh> };
    my @seals = grep { /"log\.seal"/ } map { "$_\n" } split /\n/, $read->('sealed.jsonl');
    seed('log_seal', "line_$_", "\0$seals[$_]") for 0 .. $#seals;
    seed('log_seal', 'record', "\0$line");
    my ($body) = $seals[1] =~ /"notice"(.*),"prev"/;
    seed('log_seal', 'body', "\1$body");
    seed('log_seal', 'members', "\1" . ',"detail":"a \"b\\\\","count":3,"off":false,"inner":{"a":1}');
    seed('log_seal', 'deleted', "\1" . ',"last_seq":9,"last_sha256":"' . 'a' x 64 . '"');
    seed('log_seal', 'key', "\2" . $read->('seal.pub'));
    seed('log_seal', 'private', "\2" . $read->('seal.key'));
    seed('log_seal', 'seed', "\3" . $read->('seed'));
    seed('log_seal', 'anchor', "\4" . $seals[0]);
    seed('log_seal', 'hash', "\4" . '12 ' . 'b' x 64 . "\n");
}

# ---- captures (pcap, pcapng) and what TCP makes of them -----------------------------------

sub ip4 {
    my ($from, $to, $seq, $flags, $octets) = @_;
    return pack('CCnnnCCnC4C4', 0x45, 0, 40 + length $octets, 1, 0, 64, 6, 0, 10, 0, 0, $from == 2404 ? 2 : 1,
                10, 0, 0, $from == 2404 ? 1 : 2)
        . pack('nnNNCCnnn', $from, $to, $seq, 0, 0x50, $flags, 512, 0, 0) . $octets;
}
sub ip6 {
    my ($from, $to, $seq, $octets) = @_;
    my $options = pack 'CCx6', 6, 0;    # hop by hop
    return pack('NnCC', 0x60000000, 28 + length $octets, 0, 64) . "\xfe\x80" . "\0" x 13 . "\1" . "\xfe\x80" . "\0" x 13 . "\2"
        . $options . pack('nnNNCCnnn', $from, $to, $seq, 0, 0x50, 16, 512, 0, 0) . $octets;
}
sub pcap {
    my ($order, $magic, $link, @packets) = @_;
    my $t = 0;
    return pack("L${order}S${order}S${order}L${order}4", $magic, 2, 4, 0, 0, 1024, $link)
        . join '', map { pack("L${order}4", 1_700_000_000, $t++, length $_, length $_) . $_ } @packets;
}
sub block {
    my ($type, $body) = @_;
    $body .= "\0" x (-length($body) % 4);
    return pack('VV', $type, 12 + length $body) . $body . pack 'V', 12 + length $body;
}
my $gi = hex_octets('68 0e 00 00 00 00 64 01 06 00 01 00 00 00 00 14');
my $act = hex_octets('68 04 07 00 00 00');
my @talk = (ip4(40000, 2404, 99, 2, ''), ip4(40000, 2404, 100, 16, $act), ip4(2404, 40000, 7, 16, hex_octets('68 04 0b 00 00 00')),
    ip4(40000, 2404, 106, 16, substr $gi, 0, 9), ip4(40000, 2404, 115, 16, substr $gi, 9), ip4(40000, 2404, 105, 16, "\0"));
# Tags as in proxy/pcapng.c, then octets.
sub tag { my ($number, $value) = @_; pack('nn', $number, length $value) . $value }
sub pdu {
    my ($from, $to, $octets) = @_;
    return tag(14, 'tcp.port') . tag(32, pack 'N', 2404) . tag(20, "\12\0\0\1") . tag(23, "\xfe\x80" . "\0" x 13 . "\2") . tag(24, pack 'N', 2)
        . tag(25, pack 'N', $from) . tag(26, pack 'N', $to) . tag(0, '') . $octets;
}
sub enhanced { my ($interface, $octets) = @_; block(6, pack('V5', $interface, 0x60000, 5, length $octets, length $octets) . $octets) }
my $mac = "\2" . "\0" x 11;
my %captures = (
    raw_ip   => pcap('<', 0xA1B2C3D4, 101, @talk),
    ethernet => pcap('>', 0xA1B2C3D4, 1, map({ "$mac\x08\0$_" } @talk[1, 4, 3]), "$mac\x81\0\0\x07\x86\xdd" . ip6(40000, 2404, 1, $act)),
    nanos    => pcap('<', 0xA1B23C4D, 113, map { "\0" x 14 . "\x08\0$_" } @talk[0 .. 2]),
    cooked2  => pcap('<', 0xA1B2C3D4, 276, map { "\x08\0" . "\0" x 18 . $_ } $talk[1]),
    loopback => pcap('<', 0xA1B2C3D4, 0, map { "\2\0\0\0$_" } $talk[3], $talk[5]),
    gap      => pcap('<', 0xA1B2C3D4, 101, @talk[1, 4], ip4(2404, 40000, 50, 16, "GET / HTTP/1.1\r\n")),
    next     => block(0x0A0D0D0A, pack 'VvvV2', 0x1A2B3C4D, 1, 0, 0xFFFFFFFF, 0xFFFFFFFF)
              . block(1, pack('vvV', 101, 0, 0) . pack('vvCx3', 9, 1, 0x89) . pack('vv', 0, 0))
              . block(6, pack('V5', 0, 0x60000, 5, length $talk[1], length $talk[1]) . $talk[1])
              . block(3, pack('V', length $talk[3]) . $talk[3]),
    pdu      => pcap('<', 0xA1B2C3D4, 252, pdu(40000, 2404, $act), pdu(40000, 2404, $gi), tag(26, pack 'N', 2404) . tag(0, '') . $act),
    pdu_legs => block(0x0A0D0D0A, pack 'VvvV2', 0x1A2B3C4D, 1, 0, 0xFFFFFFFF, 0xFFFFFFFF)
              . block(1, pack('vvV', 252, 0, 0)) x 2 . join '', map { enhanced($_, pdu(40000, 2404, $gi)) } 0, 1,
    cut      => substr(pcap('<', 0xA1B2C3D4, 101, @talk), 0, 120),
    too_long => pcap('<', 0xA1B2C3D4, 101) . pack('V4', 0, 0, 0x7FFFFFFF, 9),
);
seed('capture', $_, "\0$captures{$_}") for sort keys %captures;
seed('capture', "$_->[0]_$_->[1]", chr($_->[1]) . $captures{ $_->[0] })
    for [ raw_ip => 1 ], [ raw_ip => 2 ], [ gap => 7 ], [ ethernet => 8 ];

sub segment { my ($flags, $at, $n) = @_; pack 'CCCC', $flags, $at >> 8 | ($n >> 8) << 7, $at & 255, $n & 255 }
my %segments = (
    in_order => [ [ 0, 5, 40 ], [ 0, 45, 200 ], [ 0, 245, 1 ] ],
    swapped  => [ [ 250, 4, 0 ], [ 0, 105, 50 ], [ 0, 5, 100 ], [ 0, 5, 100 ] ],
    overlap  => [ [ 0, 0, 100 ], [ 0, 50, 100 ], [ 0, 149, 20 ], [ 0, 168, 1 ] ],
    gap      => [ [ 0, 0, 10 ], [ 0, 300, 10 ], [ 0, 500, 10 ], [ 0, 20, 10 ], [ 250, 700, 0 ], [ 0, 701, 9 ] ],
    crowd    => [ [ 0, 0, 10 ], map { [ 0, 20 + 12 * $_, 11 ] } 0 .. 80 ],
    probe    => [ [ 0, 7, 1 ], [ 0, 10, 1 ], [ 0, 10, 20 ] ],
);
seed('tcp_stream', $_, u32(0) . join '', map { segment(@$_) } @{ $segments{$_} }) for sort keys %segments;
seed('tcp_stream', 'wrap', u32(0xFFFFFFE2) . join '', map { segment(@$_) } @{ $segments{swapped} });

# ---- role configurations (proxy/role_config.h) ------------------------------------------

sub endpoint4 { pack('Cv', 4, $_[1]) . pack('C4x12', split /\./, $_[0]) }
my $six = pack('Cv', 6, 2404) . "\x20\x01\x0d\xb8" . "\0" x 11 . "\1";
my $net = pack('CC', 4, 24) . pack('C4x12', 10, 0, 0, 0) . pack('CC', 6, 64) . "\xfd" . "\0" x 15;

sub broker_route {
    my ($index, $mode) = @_;
    return u16($index) . blob16("rtu-$index") . pack('CV4', $mode, 0, 0, 4, 30)
        . pack('C', 1) . endpoint4('0.0.0.0', 19998) . pack('C', 2) . endpoint4('10.0.1.10', 2404)
        . $six . pack('C', 2) . $net;
}
sub told_profile { pack 'C3V2', @_ }
sub gate_route {
    my ($index, $k, $w, $roles) = @_;
    return u16($index) . blob16("rtu-$index") . "\1\1\0" . told_profile(2, 2, 3, 0, 0)
        . pack('VvvVVV', 4, $k, $w, 15, 10, 20) . ($roles // "\0" x 8)
        . "\xAA" x 32 . blob32('G104POL1' . "\0" x 4 . "\2\0\0\0");
}
my %configs = (
    broker   => "\xB1" . pack('V4', 1, 64, 4, 1) . u16(2) . broker_route(0, 1) . broker_route(7, 2),
    tls      => "\xB2" . pack('VvV', 0, 0, 0) . pack('VV', 1, 30) . pack('V3C', 600, 10, 65536, 0) . "\1\0\1" . u16(1) . blob32('second') . pack('V', 3600) . blob32("-----BEGIN") . blob32('ca')
              . blob32('') . pack('C3V', 1, 0, 0, 3600) . pack('V', 600) . pack('C', 0) . "\1\0\1" . pack('V3', 15, 86400, 300) . u16(2) . u16(0) . blob16('rtu-7') . "\1" . blob16('') . pack('V', 45)
              . u16(1) . blob16('old') . "\2" . blob16('rtu20.example') . pack('V', 345600),
    gate     => "\xB3" . pack('VCVV', 0, 1, 30, 60) . u16(2) . gate_route(0, 12, 8)
              . gate_route(1, 32767, 1),
    gate_r   => "\xB3" . pack('VCVV', 0, 1, 30, 60) . u16(1)
              . gate_route(0, 12, 8, "\2" . blob16('rtu-7') . blob16("\xc3\xa9") . "\1\3\1" . blob16('CEI 0-16')
                           . "\1\xff\xff\1\xff\xff" . blob16('DSO')),
    gate_k   => "\xB3" . pack('VCVV', 0, 1, 30, 60) . u16(1) . gate_route(0, 8, 12),
    signer   => "\xB4" . u16(2) . blob16('/etc/a.key') . "\0\0\0\0\1\0\1\1\0\1" . pack('V', 3600)
              . blob16('/etc/b.key') . "\1\0\0\0\0\1\0\0\1\0" . pack('V', 0),
    audit    => "\xB5" . blob16('/var/log/gate104') . pack('Q<V2Q<2', 1 << 30, 86400, 90, 1 << 33, 1 << 20) . blob16('/seal.key') . pack('V', 3600)
              . pack('CV3', 1, 5, 16384, 32473) . u16(1) . 'H' x 32 . pack('V2', 2, 7) . pack('vVC', 1, 1001, 45) . pack('vVC', 1, 1002, 1) . "F1\0xyz\0"
              . u16(2) . blob16('rtu-7') . pack('V', 0) . told_profile(2, 2, 3, 0, 0) . u16(1)
              . blob16('old') . pack('V', 1) . told_profile(1, 1, 2, 0x80000, 0x80002) . u16(0),
    token    => "\xB4" . u16(1) . blob16('pkcs11:token=a;object=b?module-path=/m.so') . pack('V', 0) . "\0\0\0\1\1\0" . pack('V', 0),
    fetcher  => "\xB6" . u16(2) . pack('V', 0) . endpoint4('10.0.0.5', 2560) . blob16('10.0.0.5:2560') . blob16('/')
              . pack('V2', 15, 300) . pack('V', 3) . $six . blob16('ocsp.example') . blob16('/status?x')
              . pack('V2', 60, 86400),
    relative => "\xB5" . blob16('log') . u16(1) . blob16('rtu-7') . told_profile(2, 2, 3, 0, 0),
    many     => "\xB4" . u16(65535) . blob16('/etc/a.key') . "\1\0",
);
seed('role_config', $_, $configs{$_}) for sort keys %configs;

# ---- what people write (gate104.conf(5)) -----------------------------------------------

my @examples = glob "$FindBin::Bin/../doc/examples/*";
for my $path (@examples) {
    my ($name, $kind) = $path =~ m{([^/]+)\.(conf|policy)$} or next;
    open my $fh, '<', $path or die "$path: $!";
    local $/;
    seed($kind eq 'conf' ? 'config' : 'policy_file', $name, scalar <$fh>);
}
my $settings = 'audit = { dir = "/var/log/gate104"; }; tls = { cert = "a.crt"; key = "a.key"; ca = [ "a.crt" ]; };';
my $route = 'name = "r"; mode = "protect-rtu"; listen = [ "0.0.0.0:1" ]; rtu = [ "10.0.0.1:2404" ]; policy = "a.policy";';
my %configs_written = (
    quirks   => "$settings routes = ( { $route quirks = [ \"reserved-bits\", \"cp24-types\" ]; secauth = \"passthrough\"; ca_size = 1; } );",
    limits   => "$settings limits = { max_sessions = 65535; routes_per_gate = 2; }; routes = ( { $route k = 32767; w = 1; t1 = 255; }, { $route } );",
    timers   => "$settings routes = ( { $route t0 = 30; t1 = 15; t2 = 10; t3 = 20; k = 12; w = 8; cot_size = 2; ca_size = 2; ioa_size = 3; max_sessions = 2; } );",
    wrong    => "$settings routez = ( { $route k = \"12\"; t1 = 0; } );",
    include  => "\@include \"/etc/passwd\"\n$settings",
    utf8     => "user = \"\xc3\xbc\xff\";",
    deep     => 'a = ' . '(' x 40,
    string   => 'user = "a" "b\x41";',
    der      => 'tls = { cert = "a.der"; };',
);
seed('config', $_, $configs_written{$_}) for sort keys %configs_written;
my %policies_written = (
    old    => 'monitor = { rules = ( { types = [ "M_SP_TA_1" ]; action = "log"; } ); }; control = { default = "pass"; };',
    all    => 'control = { rules = ( { types = [ "C_RP_NA_1" ]; ca = [ "broadcast" ]; ioa = [ "1-9", 16777215 ]; } ); };',
    ranges => 'control = { rules = ( { types = [ "C_SE_NC_1", 48 ]; ca = [ 1, "3-9", 65535 ]; ioa = [ "1-20", 0x100 ]; value = [ -1.5, 110 ]; action = "log"; } ); };',
    monitor => 'monitor = { default = "drop"; rules = ( { name = "x"; ioa = [ 1 ]; action = "close"; } ); }; control = { };',
    roles  => 'role_names = { DSO = -1; A-2 = -32768; }; control = { rules = ( { types = [ "C_SC_NA_1" ]; roles = ( "VIEWER", "DSO", -7, 6 ); } ); };',
    role   => 'role_names = { VIEWER = -1; x = 3; }; control = { rules = ( { types = [ "C_SC_NA_1" ]; roles = [ "OPERTOR" ]; } ); };',
    later  => 'control = { rules = ( { types = [ "C_SC_NA_1" ]; select = true; roles = [ ]; } ); };',
    who    => 'peer_names = { a = [ "sha256:' . '0f:' x 31 . '0F", "dns:x" ]; }; control = { rules = ( { types = [ 45 ]; peers = [ "a", "subject:CN=b\\, c", "email:y" ]; from = [ "10.0.0.0/8", "2001:db8::/32" ]; } ); };',
    when   => 'time_zone = "UTC"; control = { clock = "trust"; time_tag = "local"; rules = ( { types = [ 45 ]; time = [ "Mon-Wed,Fri 07:00-19:00", "22:00-06:00", "Sun" ]; action = "monitor-only"; } ); };',
    limits => 'control = { rules = ( { types = [ "C_SE_TC_1" ]; step = 2.5; step_first = "refuse"; max_age = "1500ms"; values = [ 1.0, 2.0 ]; test = false; }, { types = [ 45 ]; action = "alarm"; } ); };',
    wrongs => 'time_zone = "Europe/Berln"; peer_names = { a = [ ]; }; control = { rules = ( { types = [ 45 ]; peers = [ "b", "sha265:0" ]; from = [ "10.0.0.1/8" ]; time = [ "Mo 7-8" ]; step = -1; max_age = "5"; } ); };',
    answer => 'monitor = { rules = ( { negative = true; test = true; action = "alarm"; } ); }; control = { };',
    near   => 'control = { defualt = "pas"; rules = ( { types = [ "C_SC_NA_2" ]; } ); };',
    cp24   => 'monitor = { rules = ( { types = [ "M_SP_TA_1", "S_CH_NA_1" ]; } ); }; control = { default = "pass"; };',
    guard_near => 'control = { }; guards = { swep = { }; sweep = { point = 0; window = "60"; action = "monitoronly"; };'
        . ' opening = { frames = 65; expect = [ "startd", "testfr" ]; action = "refuse"; }; clock_step = { limit = "9ms"; }; };',
);
seed('policy_file', $_, $policies_written{$_}) for sort keys %policies_written;

# ---- lists of points (RFC 4180, and what spreadsheets make of it) ---------------------------

my $columns = 'name,ca,ioa,type,unit,min,max,select,role';
my %lists = (
    plain    => "$columns\nF1 breaker,1,1001,C_SC_NA_1,,,,yes,OPERATOR\nU,1,1301,C_SE_NC_1,kV,-0.5,110,,\nF1,1,1,M_SP_NA_1\n",
    excel    => "\xEF\xBB\xBF" . ($columns =~ tr/,/;/r) . "\r\n\"F \"\"1\"\"; L\xC3\xBCfter\";1;5;45;\xE2\x82\xAC;;;no;\r\n;;;;;;;;\r\nU;2;6;50;;-0,5;1e2;;\r\n",
    tabs     => "sep=\t\nIOA\tCA\tNAME\tTYPE\tcable\r1\t1\ta\t1\tx\r2\t1\tb\t113\t\"y\nz\"",
    twice    => "$columns\na,1,1,45\na,1,2,45\nb,1,1,45\n",
    wrong    => "$columns\n,0,x,C_SC_NB_1,,1,0,maybe\na\x01*,1,16777216,100,,x,,,\n",
    unclosed => "$columns\n\"a,1,1,45\n",
    behind   => "$columns\n\"a\"b,1,1,45\n",
    utf16    => "\xFF\xFEn\0a\0",
    latin    => "name;ca;ioa;type\nL\xFCfter;1;1;45\n",
    misspelt => "nme,ca,ioa,type,slect\n",
    hidden   => "name,ca,ioa,type\na\xE2\x80\xAEb,1,1,45\n",
);
seed('point_list', $_, $lists{$_}) for sort keys %lists;

# ---- identities (certs/identity.h) ---------------------------------------------------------

sub identity {
    my ($subject, $serial, $rest, $token, $roles) = @_;
    return "\2" . blob16($subject) . blob16('CN=Lab CA') . blob16('DNS:scada, IP:10.0.0.1')
        . blob16($serial) . "\x22" x 32 . pack('q<q<', 1_700_000_000, 1_900_000_000)
        . blob16('TLSv1.3') . blob16('TLS_AES_128_GCM_SHA256') . chr($token // 0)
        . blob16($roles // '') . ($rest // '');
}
seed('identity', 'plain',    identity('CN=scada,O=Grid', '01AB'));
seed('identity', 'negative', identity('CN=x', '-7F'));
seed('identity', 'cut',      identity('CN=' . 'x' x 249 . '...', 'A' x 61 . '...'));
seed('identity', 'newline',  identity("CN=a\nb", '01'));
seed('identity', 'trailing', identity('CN=x', '01', "\0"));
seed('identity', 'roles',    identity('CN=x', '01', '', 1, hex_octets('30 0d 30 0b 30 03 02 01 01 0c 01 41 02 01 01')));
seed('identity', 'several',  identity('CN=x', '01', '', 2));

# ---- roles of a certificate (IEC 62351-8, certs/user_roles.h) -------------------------------

sub der { my ($tag, @c) = @_; my $c = join '', @c; my $n = length $c; return chr($tag) . ($n < 128 ? chr $n : $n < 256 ? "\x81" . chr $n : "\x82" . pack 'n', $n) . $c }
sub role_entry { my ($roles, $area, $revision, @rest) = @_;
    return der(0x30, der(0x30, map { der(2, $_) } @$roles), der(0x0c, $area), der(2, $revision), @rest) }

# A first octet says what the route knows (fuzz/user_roles.c).
my %extensions = (
    vector   => der(0x30, role_entry(["\0\xff"], 'Outstation', "\0\xff", der(0x0c, 'IEC62351-8'), der(0x0a, "\3"))),
    plain    => der(0x30, role_entry(["\1"], 'rtu-7', "\1")),
    several  => der(0x30, role_entry(["\0", "\1", "\xff"], 'rtu-7', "\1"), role_entry(["\x80\0"], 'X', "\0", der(2, "\0\xff\xff\xff\xff"))),
    all      => der(0x30, role_entry(["\2"], "\xc3\xa9", "\2", der(0x0c, ''), der(0x0a, "\2"), der(2, "\7"))),
    long     => der(0x30, map { role_entry(["\1", "\xfe"], 'a' x 40, "\1", der(0x0c, 'IEC62351-8')) } 1 .. 4),
    misuse   => der(0x0c, 'OPERATOR'),
    pdu      => pcap('<', 0xA1B2C3D4, 252, pdu(40000, 2404, $act), pdu(40000, 2404, $gi), tag(26, pack 'N', 2404) . tag(0, '') . $act),
    pdu_legs => block(0x0A0D0D0A, pack 'VvvV2', 0x1A2B3C4D, 1, 0, 0xFFFFFFFF, 0xFFFFFFFF)
              . block(1, pack('vvV', 252, 0, 0)) x 2 . join '', map { enhanced($_, pdu(40000, 2404, $gi)) } 0, 1,
    cut      => substr(der(0x30, role_entry(["\1"], 'rtu-7', "\1")), 0, 12),
);
seed('user_roles', $_, "\3" . $extensions{$_}) for sort keys %extensions;

# ---- content of signatures (RFC 8446 4.4.3, RFC 8422 5.4, RFC 5246 7.3) ---------------------

sub ask { pack('nC', $_[0], $_[1]) . $_[2] }
sub vec8  { pack('C', length $_[0]) . $_[0] }
sub vec16 { pack('n', length $_[0]) . $_[0] }
sub vec24 { substr(pack('N', length $_[0]), 1) . $_[0] }
sub message { pack('C', $_[0]) . vec24($_[1]) }
sub params {
    my ($curve, $point) = @_;
    return pack('Cn', 3, $curve) . vec8(($curve == 29 ? "\x09" : "\x04") . "\x09" x ($point - 1));
}

my $pad = ' ' x 64;
my %curves = (23 => 65, 24 => 97, 29 => 32);
for my $side (qw(server client)) {
    seed('sign_check', "tls13_${side}_$_",
         ask(0x0403, 0, "${pad}TLS 1.3, $side CertificateVerify\0" . "\x33" x $_)) for 32, 48;
    seed('sign_check', "tls13_${side}_pkcs1",
         ask(0x0401, 0, "${pad}TLS 1.3, $side CertificateVerify\0" . "\x33" x 32));
}
seed('sign_check', "tls12_server_$_", ask(0x0804, 1, "\x44" x 64 . params($_, $curves{$_})))
    for sort keys %curves;

sub handshake {
    my ($curve, $staple) = @_;
    my $hello = pack('n', 0x0303) . "\x55" x 32 . vec8('');
    my $certificates = vec24(vec24("\x30" x 20));
    return message(1, $hello . vec16(pack 'n2', 0xC02B, 0xC02F) . vec8("\0") . vec16(pack('nn', 23, 0)))
        . message(2, $hello . pack('nC', 0xC02B, 0) . vec16(pack('nn', 0xFF01, 1) . "\0"))
        . message(11, $certificates) . ($staple // '')
        . message(12, params($curve, $curves{$curve}) . pack('n', 0x0403) . vec16("\x66" x 70))
        . message(13, vec8("\x01\x40") . vec16(pack 'n2', 0x0403, 0x0804) . vec16(vec16("\x30\x00")))
        . message(14, '') . message(11, $certificates)
        . message(16, vec8(($curve == 29 ? "\x09" : "\x04") . "\x09" x ($curves{$curve} - 1)));
}
seed('sign_check', "tls12_client_$_", ask(0x0403, 1, handshake($_))) for sort keys %curves;
seed('sign_check', 'tls12_client_staple', ask(0x0403, 1, handshake(23, message(22, "\1" . vec24("\x30\0")))));
seed('sign_check', 'tls12_client_more', ask(0x0403, 1, handshake(23) . message(20, "\0" x 12)));

sub prime { my ($n) = @_; return vec16("\xFF" x 8 . "\x5A" x ($n - 16) . "\xFF" x 8) }
sub handshake_of {
    my ($suite, $server_key, $client_key) = @_;
    my $hello = pack('n', 0x0303) . "\x55" x 32 . vec8('');
    my $certificates = vec24(vec24("\x30" x 20));
    return message(1, $hello . vec16(pack 'n', $suite) . vec8("\0") . vec16(''))
        . message(2, $hello . pack('nC', $suite, 0) . vec16('')) . message(11, $certificates)
        . ($server_key ne '' ? message(12, $server_key . pack('n', 0x0401) . vec16("\x66" x 70)) : '')
        . message(13, vec8("\x01") . vec16(pack 'n', 0x0401) . vec16('')) . message(14, '')
        . message(11, $certificates) . message(16, vec16($client_key));
}
my $dh = prime(256) . vec16("\2") . vec16("\x66" x 256);
seed('sign_check', 'tls12_server_dhe', ask(0x0401, 3, "\x44" x 64 . $dh));
seed('sign_check', 'tls12_client_dhe', ask(0x0401, 3, handshake_of(0x009E, $dh, "\x66" x 256)));
seed('sign_check', 'tls12_client_rsa', ask(0x0401, 5, handshake_of(0x003C, '', "\x66" x 256)));
seed('sign_check', 'tls12_off', ask(0x0804, 0, "\x44" x 64 . params(23, 65)));
seed('sign_check', 'digest', ask(0x0403, 1, "\x77" x 32));

# ---- messages (sandbox/messages.def) -----------------------------------------------------------

my %role = (MON => 0, BROKER => 1, TLS => 2, GATE => 3, SIGNER => 4, AUDIT => 5, FETCHER => 6, ROLES => 3);
my %phase = (INIT => 0, READY => 1, RUN => 2, HELLO => 3, OPEN => 4);
my $rows = do {
    open my $fh, '<', "$FindBin::Bin/../sandbox/messages.def" or die "messages.def: $!";
    local $/;
    <$fh>;
};
my $place = 0;
while ($rows =~ /^X\((\w+), \d+, (\w+)[^,]*, (\w+)[^,]*,[^"]*?PHASE_(\w+)/gms) {
    my ($name, $from, $to, $when) = ($1, $role{$2}, $role{$3}, $phase{$4});
    # as its row says; the same again; one octet more; in the next phase
    my @packets = map { pack 'C6', $_->[0], $place, 0, 0, $_->[1], 0 }
        [ 0, 4 ], [ 0, 4 ], [ 0, 1 ], [ 0, 0 ], [ 225 + $when, 4 ];
    seed('imsg', lc $name, pack('C3', $to, $from, $when) . join '', @packets);
    $place++;
}
seed('imsg', 'rejected', pack('C3', 4, 2, 2) . pack('C6', 0, 24, 0, 4, 4, 0) . "\xFF" x 4);
seed('imsg', 'truncated', pack('C3', 3, 0, 0) . pack('C6', 0, 1, 248, 0, 1, 0));
seed('imsg', 'unknown', pack('C3', 3, 1, 2) . pack('C6', 0, 255, 3, 0, 4, 0) x 2);
seed('imsg', 'descriptors', pack('C3', 2, 1, 2) . join '',
     map { (pack('C5', 0, 9, 0, 0, 4), pack('C', 192 + $_), pack('C5', 0, 1, 2, 3, 4)) } 0 .. 5);

# ---- the relay (fuzz/link.c): octet = 2 * what + leg ----------------------------------------------

my ($I_M, $I_S) = (0, 1);
my ($DECIDE_M, $DECIDE_S, $WRITE_M, $WRITE_S) = (16, 17, 22, 23);
my ($START, $SPECIAL_M, $SPECIAL_S) = (28, 30, 31);
my $begin = pack 'C3', 11, 0, $START;    # k = 12
my $long = pack 'C3', 0x4B, 0xA7, $START;   # may rush
my $command = pack 'C6', $I_M, 0, $DECIDE_M, 0, $WRITE_S, 0;
my $report  = pack 'C6', $I_S, 0, $DECIDE_S, 0, $WRITE_M, 0;
my %scripts = (
    talk     => $begin . ($command . $report) x 6 . pack('C2', $SPECIAL_M, 0),
    refuse   => $begin . pack('C6', $I_M, 0, $DECIDE_M, 3, $WRITE_M, 0) x 5 . $report,
    hold     => $begin . pack('C8', $I_M, 0, $DECIDE_M, 1, 8, 4, $DECIDE_M, 0) . $report,
    drop     => $begin . pack('C4', $I_S, 0, $DECIDE_S, 2) x 4,
    window   => pack('C3', 1, 0, $START) . pack('C4', $I_S, 0x30, $DECIDE_S, 0) x 4,
    full     => pack('C3', 0, 0, $START) . $report . pack('C4', $I_M, 0xF0, $DECIDE_M, 3) . $report,
    waits    => $begin . pack('C4', $I_S, 0, $DECIDE_S, 1) . pack('C4', $I_M, 0, $DECIDE_M, 107) x 5
        . pack('C4', $DECIDE_S, 0, $WRITE_M, 0),
    first    => pack('C3', 1, 0, $START) . $report x 2 . pack('C4', $I_M, 0xF0, $DECIDE_M, 3)
        . pack('C4', $I_S, 0, 6, 0) . pack('C4', $DECIDE_S, 0, $WRITE_M, 0),
    # a line full of TESTFR acts; an offer whose room an S-frame takes
    crowded  => hex_octets('00 00 1c 01 00 00 f0 10 03 28 28 28 28 28 28 28'),
    withdrawn => hex_octets('04 00 1c 01 07 31 00 00 83 01 07 11 00 16 83 01 07 11 00 83 16 32 16 16 83'),
    stop     => $begin . $command . pack('C6', 8, 2, $WRITE_S, 0, 9, 3) . $report,
    tests    => $begin . pack('C8', 8, 4, 9, 4, $WRITE_S, 0, $WRITE_M, 0) . pack('C4', 8, 5, 9, 5),
    ns       => $begin . pack('C4', 10, 1, 0, 0),
    nr       => $begin . $command . pack('C2', 12, 1),
    nr_old   => $begin . $command x 2 . pack('C2', 13, 0) . pack('C2', 13, 2),
    early    => pack('C4', 11, 0, $I_M, 0),
    backward => pack('C4', 11, 0, 8, 1),
    raw      => $begin . pack('C3', 14, 0, 6) . "\x68\x04\x43\0\0\0" . pack('C3', 14, 0, 3) . "\x68\x04\x03",
    partial  => $begin . (pack('C4', $I_S, 7, $DECIDE_S, 0) . pack('C2', $WRITE_M, 131)) x 12,
    refused_stop => $begin . pack('C4', $I_M, 0, $DECIDE_M, 3) . pack('C6', 8, 2, $WRITE_S, 0, 9, 3)
        . pack('C4', $WRITE_M, 0, $SPECIAL_M, 240),
    close    => $begin . $report . pack('C2', $SPECIAL_M, 248) . $report,
    wrap_m   => $long . pack('C2', $SPECIAL_M, 255) x 17 . $command x 2,
    wrap_s   => $long . pack('C2', $SPECIAL_S, 255) x 17 . $report x 2,
);
seed('link', $_, $scripts{$_}) for sort keys %scripts;
1;
