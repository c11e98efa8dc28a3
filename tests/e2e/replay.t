#!/usr/bin/perl
# Traffic of real devices through gate104: every ASDU of the monitor direction arrives
# octet for octet and in order; what the rules of the standard would stop is named, and
# with enforcement exactly that is missing.  tshark is the judge of what comes out.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Test::More;

my $FOLDER = "$ROOT/../shared/data/captures";
my %CAPTURES = map { $_ => "$FOLDER/$_.pcap" } qw(iti_090813_diverse iti_JavaRMI_and_IEC_Misc zeekiec104_first ndpi_IEC104);
my @captures = grep { -e $CAPTURES{$_} } sort keys %CAPTURES;
my $TSHARK = qx(tshark --version 2>/dev/null) ne '';

my $SIM = bin('gate104-sim');

my $POLICY = <<'P';
monitor = { default = "pass"; };
control = { default = "refuse"; rules = (
  { name = "all"; types = [ "C_SC_NA_1", "C_DC_NA_1", "C_SE_NC_1", "C_SC_TA_1", "C_IC_NA_1", "C_CI_NA_1", "C_CS_NA_1", "C_RD_NA_1" ]; ca = [ 1 ];
    ioa = [ "1001-1010", "1101", "1301", "601" ]; } ); };
P

sub capture_asdus {
    my ($capture) = @_;
    my ($status, $out) = run_command([ $SIM, 'rtu', '--replay-list', $CAPTURES{$capture} ]);
    die "$capture cannot be read" if $status != 0;
    return split /\n/, $out;
}

# IEC 60870-5-104 gives types with a time tag (30..40) the causes spontaneous, requested
# and return information; one of the devices interrogates with them (20).
sub breaks_the_standard {
    my ($type, $cause) = (hex substr($_[0], 0, 2), hex(substr $_[0], 4, 2) & 63);
    return $type >= 30 && $type <= 40 && $cause == 20;
}

# What a master gets of the capture through gate104.
sub replay {
    my ($capture, $n, %o) = @_;
    my $rtu = start_rtu('--replay', $CAPTURES{$capture}, '--replay-speed', 0);
    my $g = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"], policy_text => $POLICY,
                          enforce => \($o{enforce} ? 'true' : 'false') });
    my $m = run_master($g->{port}, tls_client(pki()), '--tls-max', $o{tls}, '--record-reader', '--dump-asdus', "$g->{dir}/got",
                       # Dropped frames hold places in the RTU's window until those before them
                       # are acknowledged: a master with a large w would do that only by t2.
                       $o{enforce} ? qw(--w 1) : (), "receive $n", 'idle 0.2');
    is($m->{status}, 0, 'the master is content') or diag $m->{err}, explain [ grep { $_->{event} ne 'apdu' } @{ $m->{lines} } ];
    wait_record($g->{dir}, { event => 'session.close' });
    is(stop_process($g->{gate}, 'TERM'), 0, 'clean stop');
    is(join("\n", log_faults($g->{dir})), '', 'the chain of the log holds');
    return ([ split /\n/, slurp("$g->{dir}/got") ], records($g->{dir}));
}

sub asdu_of_record { return substr $_[0]{apdu}, 12 }

sub tshark_lists {
    my ($file, $filter) = @_;
    my @fields = map { "iec60870_asdu.$_" } qw(typeid causetx nega test oa addr ioa float normval scalval);
    my ($status, $out) = run_command([ 'tshark', '-r', $file, '-Y', $filter, '-T', 'fields', map { ('-e', $_) } @fields ], seconds => 60);
    my @lists = map { [] } @fields;
    for my $line (split /\n/, $out) {
        my @columns = split /\t/, $line, -1;
        push @{ $lists[$_] }, grep { length } split /,/, $columns[$_] // '' for 0 .. $#fields;
    }
    return map { "$fields[$_]: @{ $lists[$_] }" } 0 .. $#fields;
}

sub tshark_faults {
    my ($file) = @_;
    my ($status, $out) = run_command([ 'tshark', '-r', $file, '-Y', '_ws.malformed || _ws.expert.severity == error' ], seconds => 60);
    return $out;
}

for my $capture (sort keys %CAPTURES) {
    subtest $capture => sub {
        plan skip_all => "no $CAPTURES{$capture}" if !-e $CAPTURES{$capture};
        my @all   = capture_asdus($capture);
        my @sound = grep { !breaks_the_standard($_) } @all;
        my @not   = grep { breaks_the_standard($_) } @all;
        cmp_ok(scalar @all, '>=', 6, scalar(@all) . ' ASDUs, ' . @not . ' of them against the standard');

        my ($got, @log) = replay($capture, scalar @all, enforce => 0, tls => '1.3');
        is(join("\n", @$got), join("\n", @all), 'observed: all, octet for octet and in order');
        my @would = grep { ($_->{verdict} // '') =~ /^would-/ } @log;
        is(join("\n", map { "$_->{verdict} $_->{reason} " . asdu_of_record($_) } @would),
           join("\n", map { "would-drop bad-cot $_" } @not), 'the log names those that would not pass');
        is(scalar(grep { ($_->{verdict} // '') =~ /^(?:drop|refuse|close)$/ } @log), 0, 'none was stopped');

        ($got, @log) = replay($capture, scalar @sound, enforce => 1, tls => '1.2');
        is(join("\n", @$got), join("\n", @sound), 'enforced: exactly those are missing');
        is(join("\n", map { "$_->{reason} " . asdu_of_record($_) } grep { ($_->{verdict} // '') eq 'drop' } @log),
           join("\n", map { "bad-cot $_" } @not), 'and the log names them');
        my ($close) = grep { $_->{event} eq 'session.close' } @log;
        is("$close->{station_i} $close->{dropped}", @all . ' ' . @not, 'counted');
    };
}

subtest 'what tshark makes of it' => sub {
    plan skip_all => 'no tshark' if !$TSHARK;
    plan skip_all => "no captures in $FOLDER" if !@captures;
    my $pki = pki();
    for my $capture (@captures) {
        # In front of a plain master, where what comes out can be read.
        my @all = capture_asdus($capture);
        my $rtu = start_rtu('--replay', $CAPTURES{$capture}, '--replay-speed', 0, '--tls', '--ca-file', "$pki/ca.crt",
                            '--cert', "$pki/station.crt", '--key', "$pki/station.key");
        my $g = start_route({ mode => 'wrap-master', remote => ["127.0.0.1:$rtu->{port}"], peer_name => 'station.lab',
                              policy_text => $POLICY, enforce => \'false' });
        my $relay = start_relay($g->{port});
        my $m = run_master($relay->{port}, 'receive ' . @all);
        is($m->{status}, 0, "$capture: received");
        wait_for_text($relay->{file}, qr/^1< end$/m);
        is(join("\n", map { substr $_, 12 } grep { length > 12 } apdus_of(relayed($relay, '<'))), join("\n", @all),
           "$capture: on the wire, octet for octet");
        my $file = relay_pcap($relay, "$g->{dir}/plain.pcap");
        my $filter = 'iec60870_asdu && tcp.srcport == 2404';
        is(join("\n", tshark_lists($file, $filter)), join("\n", tshark_lists($CAPTURES{$capture}, $filter)),
           "$capture: tshark sees in it what it sees in the capture");
        is(tshark_faults($file), '', "$capture: nothing malformed");
        stop_process($g->{gate}, 'TERM');
        stop_process($rtu, 'TERM');
    }
};

subtest 'what tshark makes of commands' => sub {
    plan skip_all => 'no tshark' if !$TSHARK;
    my $rtu   = start_rtu(qw(--rate 50 --count 30));
    my $relay = start_relay($rtu->{port});
    my $g = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$relay->{port}"], policy_text => $POLICY });
    my $m = run_master($g->{port}, tls_client(pki()), 'gi accepted', 'clock accepted', 'ci accepted', 'read 601 accepted',
                       'single 1001 on accepted', 'single 1050 on refused', 'single 1002 on timed accepted', 'double 1101 off accepted',
                       'double 2101 off refused', 'setpoint-float 1301 -3.25 accepted', 'step 1201 higher refused');
    is($m->{status}, 0, 'commands');
    wait_record($g->{dir}, { event => 'session.close' });
    wait_for_text($relay->{file}, qr/^1< end$/m);
    my $file = relay_pcap($relay, "$g->{dir}/plain.pcap");
    is(tshark_faults($file), '', 'nothing malformed');
    my @lists = tshark_lists($file, 'iec60870_asdu && tcp.dstport == 2404');
    my @log = grep { $_->{event} eq 'op.command' } records($g->{dir});
    is($lists[0], 'iec60870_asdu.typeid: ' . join(' ', map { $_->{type_id} } @log), 'the types are those in the log');
    is($lists[1], 'iec60870_asdu.causetx: ' . join(' ', map { $_->{type_id} == 102 ? 5 : 6 } @log), 'the causes, too');
    is($lists[5], 'iec60870_asdu.addr: ' . join(' ', map { $_->{ca} } @log), 'the common addresses');
    is($lists[6], 'iec60870_asdu.ioa: ' . join(' ', map { $_->{ioa} } @log), 'the object addresses');
    is($lists[7], 'iec60870_asdu.float: -3.25', 'the value');
    is(scalar @log, 8, 'eight of eleven');
    # By the numbers tshark sees, nothing is missing on this leg.
    my (undef, $tx) = run_command([ 'tshark', '-r', $file, '-Y', 'iec60870_asdu && tcp.dstport == 2404', '-T', 'fields', '-e', 'iec60870_104.tx' ]);
    is(join(' ', split /[\s,]+/, $tx), '0 1 2 3 4 5 6 7', 'numbered without a gap');
};

done_testing();
