#!/usr/bin/perl
# Towards a TLS peer every APDU is a record of its own, however the octets came: widely
# used stations read one record, take one APDU from it and leave the rest until more comes.
# Checked twice: by a client that does just that, and on the wire.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Test::More;
use Time::HiRes qw(time);

$SIG{PIPE} = 'IGNORE';

my $POLICY = <<'P';
monitor = { default = "pass"; };
control = { default = "refuse"; rules = ( { name = "all"; types = [ "C_IC_NA_1", "C_SC_NA_1" ]; ca = [ 1 ]; } ); };
P

# Octets of an APDU in a record, from the record's length: RFC 5288 3 (8 octets of nonce,
# 16 of tag), RFC 8446 5.2 (one octet of type, 16 of tag).
my %OVERHEAD = ('1.2' => 24, '1.3' => 17);

# I-frame ns with n single points of four octets.
sub points {
    my ($ns, $n) = @_;
    my $asdu = pack('CCCCv', 1, $n, 3, 0, 1) . join '', map { pack 'vCC', $_ + $ns, 0, $_ & 1 } 1 .. $n;
    return pack('CC', 0x68, 4 + length $asdu) . pack('vv', 2 * $ns, 0) . $asdu;
}

sub u_frame { return pack 'H*', $_[0] }

# Reads APDUs of a plain peer until `enough` says so; gives its octets in hex.
sub read_until {
    my ($s, $enough) = @_;
    my ($in, $end) = ('', time + 10);
    while (!$enough->(unpack 'H*', $in) && $end > time) {
        my $r = '';
        vec($r, $s->fileno, 1) = 1;
        last if select($r, undef, undef, $end - time) <= 0 || !$s->sysread($in, 4096, length $in);
    }
    return unpack 'H*', $in;
}

# The plaintext sizes of what a relay saw as application data.
sub sizes {
    my ($version, $stream) = @_;
    my @records = tls_records($stream);
    return map { $_->[1] - $OVERHEAD{$version} } grep { $_->[0] eq '23' } @records;
}

# Drops what TLS 1.3 hides among application data (its handshake), and the closing alert.
sub data_sizes {
    my ($version, $want, @sizes) = @_;
    return @sizes if $version eq '1.2';
    pop @sizes if @sizes && $sizes[-1] == 2;
    return @sizes > $want ? @sizes[ @sizes - $want .. $#sizes ] : @sizes;
}

# Each list: what one write of the RTU holds, as numbers of points in each APDU.
my @WRITES = (
    [ 'twelve in one segment',         [ (1) x 12 ] ],
    [ 'twelve of many sizes',          [ 1, 60, 2, 59, 3, 1, 1, 48, 17, 1, 60, 60 ] ],
    [ 'twelve of the largest',         [ (60) x 12 ] ],
);

for my $version ('1.2', '1.3') {
    for my $w (@WRITES) {
        my ($name, $counts) = @$w;
        subtest "TLS $version: $name" => sub {
            my $rtu   = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 0) or die $!;
            my $g     = start_route({ mode => 'protect-rtu', rtu => [ '127.0.0.1:' . $rtu->sockport ], policy_text => $POLICY });
            my $relay = start_relay($g->{port});
            my $m = spawn_process([ bin('gate104-sim'), 'master', '--json', '--connect', "127.0.0.1:$relay->{port}",
                                    tls_client(pki()), '--tls-min', $version, '--tls-max', $version, '--record-reader',
                                    '--timeout', 3, 'receive ' . @$counts ]);
            my $s = $rtu->accept;
            read_until($s, sub { $_[0] =~ /680407000000/ });
            my @apdus = map { points($_, $counts->[$_]) } 0 .. $#$counts;
            # STARTDT con and all the data in one write, and that in one segment.
            $s->syswrite(u_frame('68040b000000') . join '', @apdus);
            is(stop_process($m), 0, 'a client that takes one APDU per record got them all');
            my ($seen) = grep { $_->{event} eq 'records' } json_lines(slurp($m->{out}));
            like($seen->{text}, qr/most APDUs in one record 1, records cut inside an APDU 0/, 'as it says itself');
            close $s;
            my @want = map { length } u_frame('68040b000000'), @apdus;
            wait_until(sub { relayed($relay, '<') && slurp($relay->{file}) =~ /^1< end$/m });
            my @sizes = data_sizes($version, scalar @want, sizes($version, relayed($relay, '<')));
            is("@sizes", "@want", 'on the wire: one record for each APDU, of its size');
            stop_process($g->{gate}, 'TERM');
        };
    }
}

subtest 'an APDU in pieces is one record, too' => sub {
    my $rtu   = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 0) or die $!;
    my $g     = start_route({ mode => 'protect-rtu', rtu => [ '127.0.0.1:' . $rtu->sockport ], policy_text => $POLICY });
    my $relay = start_relay($g->{port});
    my $m = spawn_process([ bin('gate104-sim'), 'master', '--json', '--connect', "127.0.0.1:$relay->{port}",
                            tls_client(pki()), '--tls-max', '1.2', '--record-reader', '--timeout', 5, 'receive 3' ]);
    my $s = $rtu->accept;
    setsockopt $s, IPPROTO_TCP, TCP_NODELAY, 1;
    read_until($s, sub { $_[0] =~ /680407000000/ });
    my @apdus = (u_frame('68040b000000'), map { points($_, 5) } 0 .. 2);
    my $all = join '', @apdus;
    $s->syswrite(substr $all, $_, 1) for 0 .. length($all) - 1;
    is(stop_process($m), 0, 'received');
    close $s;
    wait_until(sub { slurp($relay->{file}) =~ /^1< end$/m });
    is(join(' ', sizes('1.2', relayed($relay, '<'))), join(' ', map { length } @apdus), 'octet by octet, and still whole records');
    stop_process($g->{gate}, 'TERM');
};

subtest 'towards a TLS outstation' => sub {
    my $pki = pki();
    my $rtu = start_rtu('--tls', '--ca-file', "$pki/ca.crt", '--cert', "$pki/station.crt", '--key', "$pki/station.key", '--tls-max', '1.2');
    my $relay = start_relay($rtu->{port});
    my $g = start_route({ mode => 'wrap-master', remote => ["127.0.0.1:$relay->{port}"], peer_name => 'station.lab', policy_text => $POLICY },
                        # So that they leave together and not each with its record.
                        audit => 'commands = "async"; ');
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $g->{port}) or die $!;
    $s->syswrite(u_frame('680407000000'));
    read_until($s, sub { $_[0] =~ /68040b000000/ });
    # Of an object the RTU does not have: one answer each, so k is enough without S-frames.
    $s->syswrite(join '', map { u_frame('680e') . pack('vv', 2 * $_, 0) . u_frame('2d01060001004d000000') } 0 .. 7);
    my $in = read_until($s, sub { (() = $_[0] =~ /2d016f0001004d0000/g) == 8 });
    is(scalar(() = $in =~ /2d016f0001004d0000/g), 8, 'eight commands in one write, all answered by the RTU');
    close $s;
    wait_until(sub { slurp($relay->{file}) =~ /^1> end$/m });
    # What is larger than a command would be two; smaller are STARTDT, S-frames, the end.
    my @sizes = grep { $_ > 6 } sizes('1.2', relayed($relay, '>'));
    is("@sizes", join(' ', (16) x 8), 'each command is a record of its own');
    stop_process($g->{gate}, 'TERM');
};

done_testing();
