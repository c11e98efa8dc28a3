#!/usr/bin/perl
# gate104 decode: what it says of APDUs is compared with words written by hand, with
# tshark's reading of generated APDUs of every type and of captures of real devices, and
# with itself over octets that are nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use JSON::PP;
use Test::More;

my $TSHARK = qx(tshark --version 2>/dev/null) ne '';
my $DIR    = scratch();
my @JSON   = (bin('gate104'), 'decode', '--json');

die bin('gate104') . " is not built: make programs\n" if !-x bin('gate104');

# (exit status, stdout, stderr)
sub decode { return run_command([ bin('gate104'), 'decode', @_ ], seconds => 60) }

# (exit status, decoded lines, stderr)
sub json {
    my ($status, $out, $err) = decode('--json', @_);
    return ($status, [ map { decode_json($_) } split /\n/, $out ], $err);
}
sub one { my ($status, $l) = json(@_); return $l->[0] // {} }

# An I-frame around an ASDU in hex.
sub apdu { my ($asdu) = @_; $asdu =~ s/\s//g; return sprintf('68%02x00000000', 4 + length($asdu) / 2) . $asdu }

# The fields of the elements of the first object, as "SIQ SPI=1 BL=0 ...".
sub fields_of {
    my ($apdu) = @_;
    my @words;
    for my $e (@{ ($apdu->{objects} // [])->[0]{elements} // [] }) {
        push @words, map { ref $e->{$_} ? ($e->{$_} ? "$_" : ()) : "$_=$e->{$_}" }
            grep { !/^(element|offset|hex)$/ } sort keys %$e;
    }
    return join ' ', @words;
}

# ---- one APDU in words -------------------------------------------------------------

subtest 'an interrogation' => sub {
    my ($status, $out, $err) = decode('680e0000000064010600010000000014');
    is($status, 0, 'accepted');
    is($err, '', 'without complaint');
    is($out, <<'T', 'in words');
APDU 1: octet 0, 16 octets, control direction
    0  68 0e 00 00 00 00 64 01 06 00 01 00 00 00 00 14
  APCI    I-format, N(S) 0, N(R) 0, length 14
  type    100 C_IC_NA_1: interrogation command
  VSQ     SQ 0, N 1 object
  cause   6 activation, P/N 0 positive, T 0
  OA      0
  CA      1
  object 1: IOA 0
    QOI   14                    QOI 20 station interrogation
  verdict accepted
T
    is_deeply(one('680e0000000064010600010000000014'), decode_json(<<'J'), 'as JSON');
{"offset":0,"size":16,"hex":"680e0000000064010600010000000014","direction":"control","frame":"I",
 "ns":0,"nr":0,"type_id":100,"type":"C_IC_NA_1","type_text":"interrogation command","sq":false,
 "count":1,"cot_id":6,"cot":"activation","pn":false,"test":false,"oa":0,"ca":1,
 "objects":[{"ioa":0,"elements":[{"element":"QOI","offset":15,"hex":"14","QOI":20,
 "QOI_text":"station interrogation"}]}],"verdict":"accepted"}
J
};

subtest 'S- and U-frames, and numbers' => sub {
    my $text = join ' ', map { $_->{function} // '?' }
        @{ (json('680407000000', '68040b000000', '680413000000', '680423000000', '680443000000', '680483000000'))[1] };
    is($text, 'STARTDT act STARTDT con STOPDT act STOPDT con TESTFR act TESTFR con', 'functions');
    is(one('68040100feff')->{nr}, 32767, 'the largest N(R)');
    my $i = one('680efeff0200' . '64010600010000000014');
    is("$i->{ns} $i->{nr}", '32767 1', 'N(S) and N(R) of an I-frame');
    my @at = map { "$_->{offset}+$_->{size}" } @{ (json('680443000000' . '680e0000000064010600010000000014' . '680401000200'))[1] };
    is("@at", '0+6 6+16 22+6', 'offsets in the stream');
};

# ---- hex as people write it --------------------------------------------------------

subtest 'the ways to give hex' => sub {
    my $want = (decode('680e0000000064010600010000000014'))[1];
    for my $words ([ '68 0E 00 00 00 00 64 01 06 00 01 00 00 00 00 14' ],
                   [ '68:0e:00:00:00:00:64:01:06:00:01:00:00:00:00:14' ],
                   [ qw(68 0e 00 00 00 00 64 01 06 00 01 00 00 00 00 14) ],
                   [ '0x68, 0x0e, 0x00, 0x00, 0x00, 0x00, 0x64, 0x01,', '0x06 0x00 0x01 0x00 0x00 0x00 0x00 0x14' ],
                   [ '0X680E00000000', '64010600010000000014' ],
                   [ "680e00000000\n6401-0600-0100-0000-0014\n" ]) {
        is((decode(@$words))[1], $want, "@$words" =~ s/\n/ /gr);
    }
    spew("$DIR/hex", "68 0e 00 00\n00 00 64 01 06 00\r\n\t01 00 00 00 00 14\n");
    spew("$DIR/raw", pack 'H*', '680e0000000064010600010000000014');
    for my $way ([ [ '-' ], 'hex', 'standard input' ], [ [ '--raw', '-' ], 'raw', 'octets on standard input' ]) {
        my $p = spawn_process([ bin('gate104'), 'decode', @{ $way->[0] } ], in => "$DIR/$way->[1]");
        is(stop_process($p), 0, $way->[2]);
        is(slurp($p->{out}), $want, "$way->[2]: the same");
    }
    is((decode('--raw', "$DIR/raw"))[1], $want, 'a file of octets');
};

subtest 'wrong usage' => sub {
    spew("$DIR/empty", '');
    for my $row ([ [], qr/nothing to decode: give hex/ ],
                 [ [ '' ], qr/no octets; give an APDU in hex/ ],
                 [ [ '68zz' ], qr/character 3 of the hex is no hex digit; for a file use --raw/ ],
                 [ [ '680' ], qr/character 3 .*half an octet; add its second digit/ ],
                 [ [ '6 8' ], qr/character 2 .*between the two hex digits/ ],
                 [ [ '--nonsense' ], qr/no such option/ ],
                 [ [ '--raw' ], qr/no such option, or its value is missing/ ],
                 [ [ '--direction', 'up', '68' ], qr/--direction is control .*monitor .*auto: up/ ],
                 [ [ '--port', '0', '--pcap', 'x' ], qr/--port is a number from 1 to 65535: 0/ ],
                 [ [ '--port', '2404', '68' ], qr/--port and --per-packet are for --pcap/ ],
                 [ [ '--raw', "$DIR/raw", '68' ], qr/one source at a time/ ],
                 [ [ '--raw', "$DIR/raw", '--pcap', 'x' ], qr/one source at a time/ ],
                 [ [ '--json', '--brief', '68' ], qr/not both/ ],
                 [ [ '--raw', "$DIR/none" ], qr/none: No such file/ ],
                 [ [ '--raw', $DIR ], qr/Is a directory/ ],
                 [ [ '--raw', "$DIR/empty" ], qr/nothing to decode/ ],
                 [ [ '--pcap', "$DIR/none" ], qr/none: No such file/ ],
                 [ [ '--pcap', $DIR ], qr/cannot be read/ ],
                 [ [ '--pcap', "$DIR/empty" ], qr/too short/ ],
                 [ [ '--pcap', spew("$DIR/gif", 'GIF89a and more of it') ], qr/neither pcap nor pcapng/ ],
                 [ [ '--policy', "$DIR/none", '68' ], qr/--policy.*error/ ],
                 [ [ '--role', 'OPERATOR', '68' ], qr/--role is for --policy/ ],
                 [ [ '--policy', spew("$DIR/r.policy", 'control = { };'), '--role', 'ADMIN', '68' ], qr/no role .*ADMIN/ ],
                 [ [ '--policy', spew("$DIR/bad.policy", 'control = { rules = 3; };'), '68' ], qr/bad\.policy:1: error/ ],
                 [ [ '--raw', "$DIR/\e[31m" ], qr/\\x1B\[31m: No such file/ ]) {
        my ($status, $out, $err) = decode(@{ $row->[0] });
        is($status, 2, "status 2: @{ $row->[0] }" =~ s/[^ -~]/?/gr);
        like($err, $row->[1], 'says what to do');
        is($out, '', 'and prints nothing else');
    }
    my ($status, $out) = decode('--help');
    is($status, 0, '--help');
    like($out, qr/^usage: gate104 decode/, 'usage');
    # What takes no more is told, not passed over.
    if (-c '/dev/full') {
        my $p = spawn_process([ bin('gate104'), 'decode', '680443000000' ], out => '/dev/full');
        is(stop_process($p) >> 8, 2, 'a full disk');
    }
};

# ---- verdicts ----------------------------------------------------------------------

# hex, direction, verdict, reason, class, octet.  The octet is where the caret points.
my @FAULTS = (
    [ '67',                                       'auto', 'malformed', 'bad-start', 'framing', 0 ],
    [ '6803010000',                               'auto', 'malformed', 'bad-length', 'framing', 1 ],
    [ '68fe' . '00' x 254,                        'auto', 'malformed', 'bad-length', 'framing', 1 ],
    [ '680400000000',                             'auto', 'malformed', 'bad-i', 'framing', 1 ],
    [ '680e00000100' . '64010600010000000014',    'auto', 'malformed', 'bad-i', 'framing', 4 ],
    [ '6804010001000000',                         'auto', 'malformed', 'bad-s', 'framing', 4 ],
    [ '680601000000' . '0000',                    'auto', 'malformed', 'bad-s', 'framing', 1 ],
    [ '68040f000000',                             'auto', 'malformed', 'bad-u', 'framing', 2 ],
    [ '680443000001',                             'auto', 'malformed', 'bad-u', 'framing', 5 ],
    [ '680407000000',                             'monitor', 'illegal', 'direction', 'link', 2 ],
    [ '680423000000',                             'control', 'illegal', 'direction', 'link', 2 ],
    [ apdu('640106'),                             'auto', 'malformed', 'short', 'structure', 9 ],
    [ apdu('2d01060001000100'),                   'auto', 'malformed', 'short', 'structure', 14 ],
    [ apdu('2d01060001000100000100'),             'auto', 'malformed', 'trailing', 'structure', 16 ],
    [ apdu('010003000100010000 00'),              'auto', 'malformed', 'bad-count', 'structure', 7 ],
    [ apdu('2d02060001000100000102000001'),       'auto', 'malformed', 'bad-count', 'structure', 7 ],
    [ apdu('2d810600010001000001'),               'auto', 'malformed', 'bad-sq', 'structure', 7 ],
    [ apdu('2a010600010001000001'),               'auto', undef, 'bad-type', undef, 6 ],
    [ apdu('01010300010001000001'),               'control', 'illegal', 'wrong-direction', 'meaning', 6 ],
    [ apdu('2d010300010001000001'),               'auto', 'illegal', 'bad-cot', 'meaning', 8 ],
    [ apdu('2d014600010001000001'),               'auto', 'illegal', 'negative-bit', 'meaning', 8 ],
    [ apdu('2d018600010001000001'),               'auto', 'illegal', 'test-bit', 'meaning', 8 ],
    [ apdu('2d010600000001000001'),               'auto', 'illegal', 'bad-ca', 'meaning', 10 ],
    [ apdu('2d010600ffff01000001'),               'auto', 'illegal', 'bad-ca', 'meaning', 10 ],
    [ apdu('2d010600010000000001'),               'auto', 'illegal', 'bad-ioa', 'meaning', 12 ],
    [ apdu('2d010600010001000003'),               'auto', 'illegal', 'reserved-bit', 'meaning', 15 ],
    [ apdu('2e010600010001000003'),               'auto', 'illegal', 'bad-value', 'meaning', 15 ],
    [ apdu('3201060001000100000000807f00'),       'auto', 'illegal', 'bad-value', 'meaning', 15 ],
    [ apdu('64010600010000000013'),               'auto', 'illegal', 'bad-qualifier', 'meaning', 15 ],
    [ apdu('67010600010000000000003c00010119'),   'auto', 'illegal', 'bad-time', 'meaning', 17 ],
);

subtest 'verdicts and the octet they point at' => sub {
    for my $row (@FAULTS) {
        my ($hex, $direction, $verdict, $reason, $class, $octet) = @$row;
        $hex =~ s/\s//g;
        my ($status, $l) = json('--direction', $direction, $hex);
        my $name = substr($hex, 0, 40) . " $reason";
        is($status, 1, "$name: status 1");
        my $a = $l->[-1];
        is($a->{reason}, $reason, $name);
        is($a->{verdict}, $verdict, "$name: $verdict") if defined $verdict;
        is($a->{class}, $class, "$name: $class") if defined $class;
        is($a->{reason_offset}, $octet, "$name: octet $octet");
        like($a->{clause}, qr/^10[14] \d/, "$name: a clause");

        # The caret stands under the octet: "dd" over "^^".
        my (undef, $text) = decode('--direction', $direction, $hex);
        my @lines = split /\n/, $text;
        my ($caret) = grep { $lines[$_] =~ /^ +\^\^ octet \d+$/ } 0 .. $#lines;
        my ($at, $number) = $lines[$caret] =~ /^( +)\^\^ octet (\d+)$/;
        my ($row_at) = $lines[ $caret - 1 ] =~ /^ *(\d+)  /;
        is($number, $octet, "$name: the caret's octet");
        is(length($at), 7 + 3 * ($octet - $row_at), "$name: the caret's place");
        my $under = substr($lines[ $caret - 1 ] . ' ', length $at, 2) =~ s/^ //r;
        is($under, 2 * $octet < length $hex ? substr($hex, 2 * $octet, 2) : '', "$name: what is there");
        like($text, qr/verdict $a->{verdict}: \Q$reason\E \($a->{class}\), octet $octet: \Q$a->{reason_text} [$a->{clause}]\E$/m, "$name: the sentence");
    }
    # The caret in the second row of octets, and behind the last octet of a full row.
    my $long = apdu('0d0503000100' . join '', map { sprintf '%02x00000000000000', $_ } 1 .. 5);
    like((decode($long . '00'))[1], qr/^    0  00\n       \^\^ octet 0$/m, 'behind a long one');
    like((decode(substr $long, 0, 32))[1], qr/^    0  (?:.. ){15}..\n {55}\^\^ octet 16\n/m, 'more octets awaited');
};

subtest 'what is not whole' => sub {
    my $whole = '680e0000000064010600010000000014';
    for my $n (1 .. 15) {
        my ($status, $l) = json(substr $whole, 0, 2 * $n);
        is("$status $l->[0]{verdict} $l->[0]{size}", "1 incomplete $n", "$n octets of 16");
    }
    is(one(substr $whole, 0, 24)->{ca}, 1, 'what is there is told');
    like((decode(substr $whole, 0, 24))[1], qr/verdict incomplete: 12 octets of 16$/m, 'in words');
    my ($status, $out) = decode("680443000000 68041300ff00 $whole");
    is(one("68041300ff00$whole")->{hex}, '68041300ff00', 'a faulty frame ends where it says');
    is(one("67$whole$whole$whole")->{size}, 32, 'of what is no frame so much is shown');
    is($status, 1, 'a fault between good ones');
    like($out, qr/^The stream cannot go on/m, 'ends the stream');
    like($out, qr/^2 APDUs: 1 accepted, 1 malformed$/m, 'and is counted');
    ($status, $out) = decode(apdu('2d010600010001000003') . $whole);
    like($out, qr/^2 APDUs: 1 accepted, 1 illegal$/m, 'a fault of meaning does not');
    # Objects that are there are told although the count says otherwise.
    my $a = one(apdu('0103030001000100000102000000'));
    is("$a->{reason} @{[ map { $_->{ioa} } @{ $a->{objects} } ]}", 'short 1 2', 'two of three objects');
    is(scalar @{ one(apdu("01020300010001000001020000"))->{objects} }, 1, "an object that lacks its last octet");
    like((decode(apdu('2d010600010001000001abcd')))[1], qr/^  rest    2 octets not read: ab cd$/m, 'octets behind the last');
};

# ---- elements ----------------------------------------------------------------------

my $CP56 = '4b04 1e 0c a1 02 18';    # 2024-02-01 12:30:01.099, Friday
my @ELEMENTS = (
    [ '01010300010001000091', 'BL IV SPI=1 SPI_text=on' ],
    [ '03010300010001000002', 'DPI=2 DPI_text=on' ],
    [ '0301030001000100000c', 'DPI=0 DPI_text=indeterminate or intermediate reserved=12' ],
    [ '050103000100010000c0ff', 'T value=-64 BL IV NT OV SB reserved=14' ],
    [ '0501030001000100003f00', 'value=63' ],
    [ '070103000100010000efbeadde01', 'bits=3735928559 OV' ],
    [ '09010300010001000000c000', 'value=-0.5' ],
    [ '0b0103000100010000008000', 'value=-32768' ],
    [ '0d0103000100010000cdcc8c3f00', 'value=1.1' ],
    [ '0d01030001000100000000c0ff00', 'value=nan' ],
    [ '0d010300010001000000008 0ff00', 'value=-inf' ],
    [ '0f0103000100010000ffffffff e5', 'CA CY IV SQ=5 count=-1' ],
    [ '1401030001000100000300 0180 10', 'CD=32769 ST=3 BL' ],
    [ "2601030001000100008a 0100 $CP56", 'EI ES=2 ES_text=on IV elapsed=1 day-of-week=5 time=2024-02-01T12:30:01.099' ],
    [ '2701030001000100003f 08 6400' . $CP56, 'GS SIE SL1 SL2 SL3 SRD EI elapsed=100 day-of-week=5 time=2024-02-01T12:30:01.099' ],
    [ '28010300010001000005 00 ffff' . $CP56, 'CL2 GC elapsed=65535 day-of-week=5 time=2024-02-01T12:30:01.099' ],
    [ '2d010600010001000085', 'QU=1 QU_text=short pulse S/E=1 S/E_text=select SCS=1 SCS_text=on' ],
    [ '2e010600010001000009', 'DCS=1 DCS_text=off QU=2 QU_text=long pulse S/E=0 S/E_text=execute' ],
    [ '2f01060001000100000e', 'QU=3 QU_text=persistent output RCS=2 RCS_text=next step higher S/E=0 S/E_text=execute' ],
    [ '300106000100010000004080', 'value=0.5 QL=0 QL_text=default S/E=1 S/E_text=select' ],
    [ '3301060001000100000f000000', 'bits=15' ],
    [ '46010400010000000082', 'COI=2 COI_text=remote reset changed' ],
    [ '64010600010000000017', 'QOI=23 QOI_text=interrogation of group 3' ],
    [ '65010600010000000045', 'FRZ=1 FRZ_text=freeze without reset RQT=5 RQT_text=general request' ],
    [ '66010500010001000 0', '' ],
    [ "670106000100000000$CP56", 'day-of-week=5 time=2024-02-01T12:30:01.099' ],
    [ '6701060001000000004b04deaca10218', 'GEN IV SU day-of-week=5 reserved=32 time=2024-02-01T12:30:01.099' ],
    [ '69010600010000000001', 'QRP=1 QRP_text=general reset of the process' ],
    [ "6b0106000100000000 aa55 $CP56", 'counter=21930 day-of-week=5 time=2024-02-01T12:30:01.099' ],
    [ '6e01060001000100000040 c3', 'value=0.5 KPA=3 KPA_text=low limit for transmission LPC POP' ],
    [ '71010600010001000003', 'QPA=3 QPA_text=cyclic transmission of this object' ],
    [ '78010d0001000100000200 100000 80', 'file=2 length=16 FRQ=0 FRQ_text=default negative' ],
    [ '79010d0001000100000200 01 100000 00', 'file=2 section=1 length=16 SRQ=0 SRQ_text=default' ],
    [ '7a010d0001000100000200 01 26', 'file=2 section=1 SCQ=6 SCQ_text=request section error=2 error_text=checksum failed' ],
    [ '7b010d0001000100000200 01 03 fe', 'file=2 section=1 LSQ=3 LSQ_text=section transfer without deactivation checksum=254' ],
    [ '7c010d0001000100000200 01 14', 'file=2 section=1 AFQ=4 AFQ_text=section not acknowledged error=1 error_text=memory space not available' ],
    [ '7d010d0001000100000200 01 03 616263', 'file=2 section=1 length=3' ],
    [ "7e8105000100010000 0200 100000 e0 $CP56", 'file=2 length=16 FA FOR LFD SOF=0 SOF_text=default day-of-week=5 time=2024-02-01T12:30:01.099' ],
    [ "7f010d000100010000 0200 00000000000000 $CP56", 'file=2 day-of-week=0 time=no bound day-of-week=5 time=2024-02-01T12:30:01.099' ],
);

subtest 'elements in words' => sub {
    for my $row (@ELEMENTS) {
        my ($asdu, $want) = @$row;
        $asdu =~ s/\s//g;
        my $a = one(apdu($asdu));
        is(fields_of($a), $want, $a->{type} . ' ' . substr $asdu, 18);
    }
    is(one(apdu('7d010d000100010000020001 03616263'))->{objects}[0]{segment}, '616263', 'a file segment');
    my $sq = one(apdu('01850300010064000001000100 81'));
    is(join(' ', map { "$_->{ioa}:" . ($_->{elements}[0]{SPI}) } @{ $sq->{objects} }), '100:1 101:0 102:1 103:0 104:1', 'a sequence');
    is(join(' ', map { $_->{elements}[0]{offset} } @{ $sq->{objects} }), '15 16 17 18 19', 'and where its octets are');
    like((decode(apdu("1e0103000100010000 11 $CP56")))[1],
         qr/^    SIQ   11                    SPI 1 on, BL blocked\n    CP56  4b 04 1e 0c a1 02 18  2024-02-01T12:30:01.099, day-of-week 5$/m, 'on paper');
    like((decode(apdu('0d0103000100010000000000 0000')))[1], qr/^    QDS   00                    no flag set$/m, 'a good measurement');
};

# ---- direction ---------------------------------------------------------------------

subtest 'which way' => sub {
    for my $row ([ '680407000000', 'control' ], [ '68040b000000', 'monitor' ], [ '680413000000', 'control' ],
                 [ '680423000000', 'monitor' ], [ '680443000000', '' ], [ '680401000000', '' ],
                 [ apdu('01010300010001000001'), 'monitor' ],
                 [ apdu('2d010600010001000001'), 'control' ], [ apdu('2d010700010001000001'), 'monitor' ],
                 [ apdu('2d012c00010001000001'), 'monitor' ], [ apdu('2d010900010001000001'), 'monitor' ],
                 [ apdu('2d010a00010001000001'), 'monitor' ], [ apdu('2d010800010001000001'), 'control' ],
                 [ apdu('660105000100010000'), 'control' ], [ apdu('46010400010000000000'), 'monitor' ],
                 [ apdu('6e011400010001000000 4001'), 'monitor' ],
                 [ apdu('80010300010001000001'), 'control' ], [ apdu('80010700010001000001'), 'monitor' ]) {
        is(one($row->[0])->{direction} // '', $row->[1], substr($row->[0], 0, 20) . ": $row->[1]");
        is(one('--direction', 'monitor', $row->[0])->{direction}, 'monitor', 'as told');
    }
    is((json('--direction', $_->[0], $_->[1]))[0], 0, "$_->[1] in $_->[0] direction")
        for map({ [ 'control', $_ ] } '680407000000', '680413000000', '680443000000', '680483000000', '680401000000'),
            map({ [ 'monitor', $_ ] } '68040b000000', '680423000000', '680443000000', '680483000000', '680401000000');
    is(one('--direction', 'monitor', apdu('2d010600010001000001'))->{reason}, 'wrong-direction', 'a command from the station');
};

# ---- policy ------------------------------------------------------------------------

subtest 'which rule decides' => sub {
    my $policy = spew("$DIR/p.policy", <<'P');
monitor = { default = "pass"; rules = ( { name = "noisy"; types = [ "M_SP_NA_1" ]; ioa = [ "7" ]; action = "drop"; } ); };
control = { default = "refuse"; rules = (
  { types = [ "C_IC_NA_1" ]; },
  { name = "breaker \"A\""; types = [ "C_SC_NA_1" ]; ca = [ 1 ]; ioa = [ "1001-1100" ]; } ); };
P
    my $told = sub {
        my ($status, $l) = json('--policy', $policy, @_);
        return join ' ', $status, map { $_ // '-' } @{ $l->[-1] }{qw(verdict action rule rule_name object)};
    };
    is($told->('680e0000000064010600010000000014'), '0 accepted pass 2  1', 'a rule without a name');
    is($told->(apdu('2d0106000100e9030001')), '0 accepted pass 3 breaker "A" 1', 'a rule');
    is($told->(apdu('2d010600020 0e9030001')), '1 refused refuse - default 1', 'the default');
    is($told->(apdu('0102030001000100000107000001')), '1 refused drop 1 noisy 2', 'the second object');
    is($told->(apdu('2d010600010001000003')), '1 illegal - - - -', 'what is illegal needs no rule');
    is($told->('680443000000'), '0 accepted - - - -', 'nor does a U-frame');
    like((decode('--policy', $policy, apdu('2d0106000100e9030001')))[1],
         qr/^  policy  pass by rule 3 "breaker "A"", object 1$/m, 'in words');
    like((decode('--policy', $policy, apdu('2d0106000200e9030001')))[1],
         qr/^  verdict refused\n  policy  refuse by default: no rule matches object 1$/m, 'the default in words');
};

subtest 'rules for roles' => sub {
    my $policy = spew("$DIR/roles.policy", <<'P');
role_names = { DSO = -1; };
control = { default = "pass"; rules = ( { name = "on"; types = [ "C_SC_NA_1" ]; roles = [ "OPERATOR", "DSO" ]; },
                                        { name = "rest"; types = [ "C_SC_NA_1" ]; action = "drop"; } ); };
P
    my $told = sub {
        my ($apdu, @roles) = @_;
        my ($status, $l) = json('--policy', $policy, (map { ('--role', $_) } @roles), $apdu);
        return join ' ', $status, map { $_ // '-' } @{ $l->[-1] }{qw(verdict action rule rule_name object)};
    };
    my ($on, $clock, $gi) = (apdu('2d0106000100e9030001'), apdu('67010600010000000010271e0c0f0618'), apdu('64010600010000000014'));
    is($told->($on, 'OPERATOR'), '0 accepted pass 1 on 1', 'a role');
    is($told->($on, 'VIEWER', 'DSO'), '0 accepted pass 1 on 1', 'one of two');
    is($told->($on, 'VIEWER'), '1 refused drop 2 rest 1', 'another one');
    is($told->($on), '1 refused drop 2 rest 1', 'none');
    is($told->($clock, 'VIEWER'), '0 accepted pass - default 1', 'what is for everybody');
    is($told->($clock), '1 refused refuse - no_role 1', 'is not for masters without a role');
    is($told->($gi), '0 accepted pass - default 1', 'but for what changes nothing');
    like((decode('--policy', $policy, $clock))[1], qr/^  policy  refuse: the master has no role, object 1$/m, 'in words');
};

# ---- captures ----------------------------------------------------------------------

# A TCP segment in the packets of a link type.
sub packet {
    my ($seq, $payload, %o) = @_;
    my ($from, $to) = $o{client} ? (40000, $o{port} // 2404) : ($o{port} // 2404, 40000);
    my $tcp = pack('nnNNCCnnn', $from, $to, $seq & 0xFFFFFFFF, 1, 5 << 4, $o{flags} // 0x18, 1000, 0, 0) . $payload;
    my $ip = pack('CCnnnCCna4a4', 0x45, 0, 20 + length $tcp, 1, $o{fragment} // 0, 64, 6, 0, "\x0a\0\0\2", "\x0a\0\0\1");
    my $type = 0x0800;
    if (my $extension = $o{v6}) {
        my @next = ref $extension ? @$extension : ();
        my $chain = join '', map { pack('CC', $_ == $#next ? 6 : $next[ $_ + 1 ], $next[$_] == 51 ? 4 : 1)
                                   . "\0" x ($next[$_] == 51 ? 22 : 14) } 0 .. $#next;
        $ip = pack('NnCCa16a16', 6 << 28, length($chain . $tcp), $next[0] // 6, 64, "\xfd" . "\0" x 14 . "\2", "\xfd" . "\0" x 14 . "\1") . $chain;
        $type = 0x86DD;
    }
    my $vlan = $o{vlan} ? pack('nn', 0x8100, 7) : '';
    my $link = $o{link} // 1;
    my $head = $link == 1 ? ("\0" x 12) . $vlan . pack('n', $type)
             : $link == 113 ? ("\0" x 14) . pack('n', $type)
             : $link == 276 ? pack('n', $type) . ("\0" x 18) : $link == 0 ? "\2\0\0\0" : '';
    return $head . $ip . $tcp . ($o{trailer} // '');
}
sub pcap {
    my ($file, $link, $l, @packets) = @_;
    my $t = 0;
    return spew($file, pack("L${l}S${l}S${l}l${l}L${l}L${l}L${l}", 0xA1B2C3D4, 2, 4, 0, 0, 65535, $link)
        . join '', map { pack("L${l}4", 1_000_000_000, $t += 1000, length, length) . $_ } @packets);
}
sub pcapng {
    my ($file, @packets) = @_;
    my $block = sub { my ($type, $body) = @_; $body .= "\0" x (-length($body) % 4);
                      return pack('VV', $type, 12 + length $body) . $body . pack('V', 12 + length $body) };
    my $ns = pack 'vvCxxxvv', 9, 1, 9, 0, 0;    # if_tsresol 10^-9
    my $t = 1_000_000_000 * 10**9;
    return spew($file, $block->(0x0A0D0D0A, pack('VvvQ<', 0x1A2B3C4D, 1, 0, ~0)) . $block->(1, pack('vvV', 1, 0, 0) . $ns)
        . join '', map { $t += 10**6; $block->(6, pack('VVVVV', 0, $t >> 32, $t & 0xFFFFFFFF, length, length) . $_) } @packets);
}

subtest 'captures' => sub {
    my @apdu = map { pack 'H*', sprintf('6812%02x000000', 2 * $_) . sprintf '0d010300010001%02x00%08x00', $_, $_ } 0 .. 5;
    my $want = '0 1 2 3 4 5';
    my @p = map { [ 1000 + 20 * $_, $apdu[$_] ] } 0 .. 5;
    my $whole = sub { my (%o) = @_; return map { packet(@$_, %o) } @p };
    my $syn = packet(999, '', flags => 0x12);
    my $f = "$DIR/x.pcap";
    my $ns = sub { my ($status, $l, $err) = json('--pcap', @_); return join ' ', map { $_->{ns} // $_->{reason} // $_->{verdict} } @$l };

    is($ns->(pcap($f, 1, '<', $syn, $whole->())), $want, 'Ethernet');
    my ($first) = @{ (json('--pcap', $f))[1] };
    is("@$first{qw(packet time source destination direction offset)}",
       '2 2001-09-09T01:46:40.002000Z 10.0.0.2:2404 10.0.0.1:40000 monitor 0', 'packet, time, ends, direction');
    is($ns->(pcap($f, 1, '>', $syn, $whole->())), $want, 'big endian');
    is($ns->(pcap($f, 1, '<', $syn, $whole->(vlan => 1))), $want, 'VLAN tag');
    is($ns->(pcap($f, 113, '<', $whole->(link => 113))), $want, 'Linux cooked');
    is($ns->(pcap($f, 276, '<', $whole->(link => 276))), $want, 'Linux cooked 2');
    is($ns->(pcap($f, 101, '<', $whole->(link => 101))), $want, 'raw IP');
    is($ns->(pcap($f, 0, '<', $whole->(link => 0))), $want, 'loopback');
    is($ns->(pcap($f, 1, '<', $whole->(v6 => 1))), $want, 'IPv6');
    ($first) = @{ (json('--pcap', $f))[1] };
    is("$first->{source} $first->{destination}", '[fd00::2]:2404 [fd00::1]:40000', 'IPv6 addresses');
    is($ns->(pcap($f, 1, '<', $whole->(v6 => [ 0, 43, 60, 51 ]))), $want, 'IPv6 with extension headers');
    is($ns->(pcap($f, 276, '<', $whole->(v6 => 1, link => 276))), $want, 'IPv6, Linux cooked 2');
    is($ns->(pcap($f, 1, '<', $whole->(v6 => [ 0, 44 ]))), '', 'IPv6 fragments do not count');
    is($ns->(pcap($f, 1, '<', $whole->(fragment => 0x2000))), '', 'nor do those of IPv4');
    is($ns->(pcapng($f, $syn, $whole->())), $want, 'pcapng');
    is((json('--pcap', $f))[1][0]{time}, '2001-09-09T01:46:40.002000Z', 'its time in nanoseconds');
    is($ns->(pcap($f, 1, '<', $whole->(trailer => "\0" x 6))), $want, 'Ethernet padding');
    is($ns->(pcap($f, 1, '<', $syn, map { packet(@$_) } @p[0, 2, 1, 4, 3, 5])), $want, 'out of order');
    is($ns->(pcap($f, 1, '<', $syn, map { packet(@$_) } @p[0, 1, 1, 0, 2, 3, 4, 5, 5])), $want, 'retransmissions');
    my $all = join '', @apdu;
    is($ns->(pcap($f, 1, '<', $syn, map { packet(1000 + $_, substr $all, $_, 1) } 0 .. length($all) - 1)), $want, 'octet by octet');
    is($ns->(pcap($f, 1, '<', $syn, packet(1000, substr $all, 0, 50), packet(1030, substr $all, 30))), $want, 'overlap');
    is($ns->(pcap($f, 1, '<', packet(999, "\x68"), $whole->())), $want, 'a keep-alive probe before the stream');
    is($ns->(pcap($f, 1, '<', map { packet(0xFFFFFFF0 + $_->[0] - 1000, $_->[1]) } @p)), $want, 'sequence number wrap');
    is($ns->(pcap($f, 1, '<', map { packet(0xFFFFFFC0 + $_->[0] - 1000, $_->[1]) } @p[0, 4, 3, 2, 1, 5])), $want, 'and out of order');
    is($ns->(pcap($f, 1, '<', $syn, map { packet(@$_) } @p[0, 1, 3, 4, 5])), '0 1 3 4 5', 'a gap that stays');
    like((decode('--pcap', $f))[1], qr/^gap: /m, 'and is told');
    my (undef, $cut) = json('--pcap', pcap($f, 1, '<', $syn, packet(1000, substr $all, 0, 30), packet(1040, substr $all, 40)));
    is(join(' ', map { $_->{verdict} } @$cut), 'accepted incomplete' . ' accepted' x 4, 'an APDU cut by a gap');
    is($ns->(pcap($f, 1, '<', map { packet(1000, $_) } @apdu)), '0', 'numbers that stand still');
    like((json('--pcap', $f))[2], qr/5 of 6 segments repeat octets .*--per-packet/, 'are told of');
    is($ns->($f, '--per-packet'), $want, '--per-packet');

    # Framing lost: the rest of the segment is passed over, the next one that begins as
    # an APDU does is read.
    is($ns->(pcap($f, 1, '<', $syn, packet(1000, "$apdu[0]\0\0\0$apdu[1]"), packet(1043, 'xyz'), packet(1046, $apdu[2]))),
       '0 bad-start 2', 'picked up again');
    # Ports.
    is($ns->(pcap($f, 1, '<', $whole->(port => 19998)), '--port', 19998), $want, '--port');
    my ($status, $l, $err) = json('--pcap', $f);
    is($status, 2, 'no segment of port 2404');
    like($err, qr/port 2404, 6 segments of other ports; name the right one with --port/, 'says so');
    is((json('--pcap', pcap($f, 1, '<', $whole->(client => 1))))[1][0]{reason}, 'wrong-direction', 'a station at the other end');
    is((json('--pcap', $f, '--direction', 'monitor'))[0], 0, '--direction');
    # Two connections at a time.
    is($ns->(pcap($f, 1, '<', map { my $p = $_; (packet(@$p), packet(@$p, v6 => 1)) } @p)), '0 0 1 1 2 2 3 3 4 4 5 5', 'two connections');
    # The same ends again, without an end in between.
    is($ns->(pcap($f, 1, '<', $syn, map({ packet(@$_) } @p[0, 1]), packet(4999, '', flags => 2), packet(5000, $apdu[0]))), '0 1 0', 'a second connection');
    is((json('--pcap', $f))[1][2]{offset}, 0, 'counts from 0');
    # More connections than are followed at a time.
    my @many = map { my $n = $_; packet(1000, substr($apdu[0], 0, 10)) =~ s/^(.{26})..../$1 . pack 'N', $n/esr } 1 .. 700;
    is(scalar(split / /, $ns->(pcap($f, 1, '<', @many))), 700, 'seven hundred connections');

    # The one that speaks is not the one forgotten.
    my @busy = map { packet(@$_) } [ 1000, substr $apdu[0], 0, 10 ], [ 1010, '' ], [ 1010, substr $apdu[0], 10 ];
    (undef, $l) = json('--pcap', pcap($f, 1, '<', $busy[0], @many[ 0 .. 510 ], (map { ($busy[1], $many[$_]) } 511 .. 560), $busy[2]));
    is(scalar(grep { $_->{verdict} eq 'accepted' } @$l), 1, 'the connection that speaks is kept');

    my $good = slurp(pcap($f, 1, '<', $syn, $whole->()));
    ($status, $l, $err) = json('--pcap', spew($f, substr $good, 0, -3));
    is("$status " . @$l, '1 5', 'a capture that is cut off');
    like($err, qr/cut off behind packet 6/, 'says where');

    # Lengths that promise more than is there, behind a packet that left octets in memory.
    my $before = packet(1, 'U' x 8000, fragment => 0x2000);
    my $evil = packet(@{ $p[0] }, v6 => [ 0 ]);
    substr($evil, 14 + 40 + 1, 1) = "\xff";
    like((json('--pcap', pcap($f, 1, '<', $before, $evil)))[2], qr/port 2404, 0 segments/, 'an extension header past the end');
    my $ng = slurp(pcapng($f, packet(@{ $p[0] })));
    substr($ng, -4 - 4 - 4 - 76, 4) = pack 'V', 5000;
    like((json('--pcap', spew($f, $ng)))[2], qr/port 2404, 0 segments/, 'a packet past the end of its block');

    # Damage of every kind: never a crash.
    my @good = ($good, slurp(pcapng($f, $syn, $whole->(), $whole->(v6 => [ 0, 51 ]))));
    my $bad = 0;
    srand 104;
    for my $n (1 .. 120) {
        my $octets = $good[ $n % 2 ];
        substr($octets, rand length $octets, 1) = chr rand 256 for 1 .. 1 + $n % 5;
        $octets = substr $octets, 0, rand length $octets if $n % 3 == 0;
        my ($s, $out, $e) = decode('--pcap', spew($f, $octets));
        $bad++ if $s !~ /^[012]$/ || $e =~ /Sanitizer|runtime error/;
    }
    is($bad, 0, 'damaged captures');
};

# ---- what tshark makes of it --------------------------------------------------------

# id => octets of an object's elements, cause, most objects with SQ 0, SQ 1 legal
my %TYPES = (
    (map { $_->[0] => [ $_->[1], 3, 9, 1 ] } [ 1, 1 ], [ 3, 1 ], [ 5, 2 ], [ 7, 5 ], [ 9, 3 ], [ 11, 3 ], [ 13, 5 ], [ 15, 5 ], [ 20, 5 ], [ 21, 2 ]),
    (map { $_->[0] => [ $_->[1], 3, 9, 0 ] } [ 30, 8 ], [ 31, 8 ], [ 32, 9 ], [ 33, 12 ], [ 34, 10 ], [ 35, 10 ], [ 36, 12 ], [ 37, 12 ], [ 38, 10 ]),
    (map { $_->[0] => [ $_->[1], 6, 1, 0 ] } [ 45, 1 ], [ 46, 1 ], [ 47, 1 ], [ 48, 3 ], [ 49, 3 ], [ 50, 5 ], [ 51, 4 ], [ 58, 8 ], [ 59, 8 ],
        [ 60, 8 ], [ 61, 10 ], [ 62, 10 ], [ 63, 12 ], [ 64, 11 ], [ 100, 1 ], [ 101, 1 ], [ 103, 7 ], [ 105, 1 ], [ 107, 9 ],
        [ 110, 3 ], [ 111, 3 ], [ 112, 5 ], [ 113, 1 ]),
    39 => [ 11, 3, 1, 0 ], 40 => [ 11, 3, 1, 0 ], 70 => [ 1, 4, 1, 0 ], 102 => [ 0, 5, 1, 0 ],
    (map { $_->[0] => [ $_->[1], 13, 1, 0 ] } [ 120, 6 ], [ 121, 7 ], [ 122, 4 ], [ 123, 5 ], [ 124, 4 ], [ 127, 16 ]),
    126 => [ 13, 5, 0, 1 ],
);

# tshark's field => element and field here.
my %SAME = (
    'siq.spi' => 'SIQ.SPI', (map { ("siq.\L$_" => "SIQ.$_") } qw(BL SB NT IV)),
    'diq.dpi' => 'DIQ.DPI', (map { ("diq.\L$_" => "DIQ.$_") } qw(BL SB NT IV)),
    (map { ("qds.\L$_" => "QDS.$_") } qw(OV BL SB NT IV)),
    'vti.v' => 'VTI.value', 'vti.t' => 'VTI.T', normval => 'NVA.value', scalval => 'SVA.value', float => 'R32.value',
    bitstring => 'BSI.bits', 'bcr.count' => 'BCR.count', 'bcr.sq' => 'BCR.SQ', (map { ("bcr.\L$_" => "BCR.$_") } qw(CY CA IV)),
    'sco.on' => 'SCO.SCS', 'sco.qu' => 'SCO.QU', 'sco.se' => 'SCO.S/E', 'dco.on' => 'DCO.DCS', 'dco.qu' => 'DCO.QU', 'dco.se' => 'DCO.S/E',
    'rco.up' => 'RCO.RCS', 'rco.qu' => 'RCO.QU', 'rco.se' => 'RCO.S/E', 'qos.ql' => 'QOS.QL', 'qos.se' => 'QOS.S/E',
    'qpm.kpa' => 'QPM.KPA', 'qpm.lpc' => 'QPM.LPC', 'qpm.pop' => 'QPM.POP', coi_r => 'COI.COI', coi_i => 'COI.changed',
    qoi => 'QOI.QOI', rqt => 'QCC.RQT', frz => 'QCC.FRZ', qrp => 'QRP.QRP',
    (map { ("cp56time.\L$_" => "CP56.$_") } qw(ms min hour day dow month year IV SU GEN)),
);

# Every value of a field in an APDU, in order, as tshark lists them.
sub values_of {
    my ($a, $element, $field) = ($_[0], split /\./, $_[1]);
    my @values;
    for my $e (map { @{ $_->{elements} } } @{ $a->{objects} }) {
        next if $e->{element} ne $element;
        if ($element eq 'CP56' && $e->{time}) {
            my ($y, $mo, $d, $h, $mi, $s, $ms) = $e->{time} =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)\.(\d+)$/;
            my %t = (ms => 1000 * $s + $ms, min => $mi, hour => $h, day => $d, dow => $e->{'day-of-week'}, month => $mo, year => $y - 2000);
            push @values, exists $t{$field} ? $t{$field} + 0 : $e->{$field} ? 1 : 0;
            next;
        }
        push @values, ref $e->{$field} ? ($e->{$field} ? 1 : 0) : $e->{$field};
    }
    return @values;
}

# What tshark reads in a capture: a list of {field => value} for each ASDU.
# Without its own opinion of what a retransmission is, in captures whose numbers stand still.
our @NO_TCP;
my @HEADER = qw(typeid numix sq causetx nega test oa addr);
sub tshark {
    my ($file, $filter, @fields) = @_;
    my $list = join ' ', map { "-e iec60870_asdu.$_" } @fields;
    my @rows;
    for my $line (qx(tshark -r $file @NO_TCP -Y '$filter' -T fields -e frame.number $list 2>/dev/null)) {
        chomp $line;
        my ($frame, @values) = split /\t/, $line, -1;
        my %row = (frame => $frame);
        @row{@fields} = map { [ map { /^true$/i ? 1 : /^false$/i ? 0 : /^0x/ ? hex : $_ } split /,/ ] } @values;
        push @rows, \%row;
    }
    return @rows;
}

sub same_number {
    my ($x, $y) = @_;
    return 1 if $x eq $y || (lc($x) =~ /nan/ && lc($y) =~ /nan/) || (lc($x) =~ /^(-?)inf/ && lc($y) =~ /^$1inf/);
    return $x =~ /\d/ && $y =~ /\d/ && abs($x - $y) <= 1e-5 * (abs($x) + abs($y)) + 1e-6;
}

sub generated {
    my @asdus;
    srand 60870;
    for my $id (sort { $a <=> $b } keys %TYPES) {
        my ($octets, $cause, $most, $sq) = @{ $TYPES{$id} };
        for my $round (0 .. 3) {
            my $sequence = $most == 0 || ($sq && $round % 2);
            my $n = $most == 1 ? 1 : 1 + int rand 9;
            my $random = sub { join '', map { sprintf '%02x', rand 256 } 1 .. $_[0] };
            my $objects = $sequence ? $random->(3) . $random->($n * $octets) : join '', map { $random->(3 + $octets) } 1 .. $n;
            push @asdus, sprintf('%02x%02x%02x%02x', $id, $n | ($sequence ? 128 : 0), $cause | ($round == 3 ? 192 : 0), rand 256)
                . $random->(2) . $objects;
        }
    }
    return @asdus;
}

subtest 'every type and element has words' => sub {
    my (undef, $l) = json(map { apdu($_) } generated());
    my %nameless;
    for my $a (@$l) {
        $nameless{ $a->{type_id} }++ if !$a->{type} || !$a->{type_text};
        $nameless{"$a->{type_id} $_->{element}"}++
            for grep { $_->{element} eq '?' || keys %$_ < 4 } map { @{ $_->{elements} } } @{ $a->{objects} };
    }
    is_deeply(\%nameless, {}, @$l . ' APDUs');
    is(scalar(keys %{ { map { $_->{type_id} => 1 } @$l } }), 53, 'of all types but the file segment');
};

subtest 'generated APDUs of every type, as tshark reads them' => sub {
    plan skip_all => 'no tshark' if !$TSHARK;
    my @asdus = generated();
    my @frames = map { pack 'H*', apdu($_) } @asdus;
    my ($seq, @packets) = (1000);
    for (@frames) { push @packets, packet($seq, $_, client => 1); $seq += length }
    pcap("$DIR/all.pcap", 1, '<', @packets);
    my (undef, $ours) = json('--pcap', "$DIR/all.pcap");
    my @theirs = tshark("$DIR/all.pcap", 'iec60870_asdu', @HEADER, 'ioa', sort keys %SAME);
    is(scalar @$ours, scalar @asdus, scalar(@asdus) . ' APDUs here');
    is(scalar @theirs, scalar @asdus, 'and there');
    my (%wrong, %compared, %absent);
    for my $i (0 .. $#theirs) {
        my ($o, $t) = ($ours->[$i], $theirs[$i]);
        my %mine = (typeid => $o->{type_id}, numix => $o->{count}, sq => $o->{sq} ? 1 : 0, causetx => $o->{cot_id},
                    nega => $o->{pn} ? 1 : 0, test => $o->{test} ? 1 : 0, oa => $o->{oa}, addr => $o->{ca});
        for my $f (@HEADER) {
            $wrong{"$f of type $o->{type_id}: $mine{$f}, tshark $t->{$f}[0]"}++ if $mine{$f} != $t->{$f}[0];
        }
        my @ioa = map { $_->{ioa} } @{ $o->{objects} };
        # Of packed points, protection events and directories tshark lists the first object only.
        $#ioa = 0 if grep { $_ == $o->{type_id} } 20, 38, 126;
        if ("@ioa" ne "@{ $t->{ioa} }") {
            # Types whose objects tshark does not take apart.
            @{ $t->{ioa} } ? $wrong{"IOA of type $o->{type_id}: @ioa, tshark @{ $t->{ioa} }"}++ : $absent{ $o->{type_id} }++;
        }
        for my $f (sort keys %SAME) {
            my @mine = values_of($o, $SAME{$f});
            my @its  = @{ $t->{$f} };
            next if !@its;
            # 101 sends the low octet of a bitstring first, as of every number; tshark shows
            # the octets in the order of the wire.
            @its = map { unpack 'V', pack 'N', $_ } @its if $f eq 'bitstring';
            $compared{$f} += @its;
            $wrong{"$f of type $o->{type_id}: @mine, tshark @its"}++
                if @mine != @its || grep { !same_number($mine[$_], $its[$_]) } 0 .. $#its;
        }
    }
    is_deeply([ sort keys %wrong ], [], 'header, addresses and values agree');
    is_deeply([ grep { !$compared{$_} } sort keys %SAME ], [], 'each field was compared');
    diag 'tshark does not take apart types ' . join ' ', sort { $a <=> $b } keys %absent if %absent;
};

subtest 'captures of devices, as tshark reads them' => sub {
    my $folder = "$ROOT/../shared/data/captures";
    my @captures = glob "$folder/*.pcap";
    plan skip_all => "no captures in $folder" if !@captures;
    plan skip_all => 'no tshark' if !$TSHARK;
    for my $file (@captures) {
        my ($name) = $file =~ m{([^/]+)$};
        my @options = $name =~ /^heinrihs/ ? ('--per-packet') : ();
        local @NO_TCP = map { "-o tcp.$_:FALSE" } qw(desegment_tcp_streams analyze_sequence_numbers) if @options;
        my ($status, $l, $err) = json('--pcap', $file, @options);
        like($status, qr/^[01]$/, "$name: status");
        my @ours = map { "$_->{packet}: $_->{type_id} $_->{cot_id} $_->{oa} $_->{ca} $_->{objects}[0]{ioa}" }
            grep { defined $_->{ca} && @{ $_->{objects} } } @$l;
        my @theirs;
        for my $t (tshark($file, 'iec60870_asdu && tcp.port == 2404', qw(typeid causetx oa addr ioa numix))) {
            my $at = 0;
            for my $i (0 .. $#{ $t->{typeid} }) {
                push @theirs, "$t->{frame}: " . join ' ', map { $_ // '' } (map { $t->{$_}[$i] } qw(typeid causetx oa addr)), $t->{ioa}[$at];
                $at += $t->{numix}[$i] // 0;
            }
        }
        cmp_ok(scalar @ours, '>', 0, "$name: " . @ours . ' ASDUs');
        is_deeply(\@ours, \@theirs, "$name: packet, type, cause, originator, station, object") if $name !~ /TestDissect/;
    }
};

# ---- anything ------------------------------------------------------------------------

subtest 'octets that are anything' => sub {
    my @asdus = generated();
    srand 5104;
    my ($bad, $lines) = (0, 0);
    for my $round (1 .. 60) {
        my $stream = '';
        for (1 .. 60) {
            my $asdu = pack 'H*', $asdus[ rand @asdus ];
            substr($asdu, rand length $asdu, 1) = chr rand 256 for 0 .. $round % 4;
            substr($asdu, 1, 1) = chr rand 256 if $round % 5 == 0;
            $asdu = substr $asdu, 0, 1 + rand length $asdu if $round % 3 == 0;
            $stream .= pack('CCvv', 0x68, 4 + length $asdu, 2 * int rand 32768, 2 * int rand 32768) . $asdu;
        }
        $stream .= join '', map { chr rand 256 } 1 .. rand 600;
        spew("$DIR/any", $stream);
        for my $way ([], ['--json'], ['--brief']) {
            my ($status, $out, $err) = decode(@$way, '--raw', "$DIR/any");
            $bad++ if $status !~ /^[01]$/ || $err ne '' || $out =~ /[^\n -~]/;
            next if "@$way" ne '--json';
            my @l = map { eval { decode_json($_) } // { } } split /\n/, $out;
            $lines += @l;
            # Together the APDUs are the stream, from the first octet on.
            my $hex = join '', map { $_->{hex} // '' } @l;
            $bad++ if index(unpack('H*', $stream), $hex) != 0 || grep { !$_->{verdict} } @l;
        }
    }
    is($bad, 0, "$lines APDUs made of noise");
};

done_testing();
