#!/usr/bin/perl
# The mirror image: a plain master, gate104 as TLS client, an outstation that speaks TLS.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use IO::Select;
use IO::Socket::INET;
use Test::More;

$SIG{PIPE} = 'IGNORE';

my $POLICY = <<'P';
monitor = { default = "pass"; };
control = { default = "refuse"; rules = (
  { name = "breakers"; types = [ "C_SC_NA_1" ]; ca = [ 1 ]; ioa = [ "1001-1010", "2001-2010" ]; },
  { name = "station"; types = [ "C_IC_NA_1", "C_CS_NA_1" ]; ca = [ 1 ]; }
); };
P

my @STEPS = ('gi accepted', 'clock accepted', 'single 1001 on accepted', 'single 1050 on refused',
             'single 2001 off select execute accepted', 'double 1101 on refused',
             'setpoint-float 1301 1 refused', 'single 1002 on accepted');

# A TLS outstation with a certificate of the lab PKI.
sub tls_rtu {
    my ($pki, $name, @options) = @_;
    return start_rtu('--tls', '--ca-file', "$pki/ca.crt", '--cert', "$pki/$name.crt", '--key', "$pki/$name.key", @options);
}

# gate104 in front of it, as a client with the certificate `master`.
sub wrap {
    my ($pki, $rtu, %o) = @_;
    return start_route({ mode => 'wrap-master', remote => ["127.0.0.1:$rtu->{port}"], peer_name => $o{name} // 'station.lab',
                         policy_text => $POLICY },
                       pki => $pki, tls => { cert => "$pki/master.crt", key => "$pki/master.key", %{ $o{tls} // {} } });
}

sub main_path {
    my ($kind, $version) = @_;
    my $pki = pki($kind);
    my $rtu = tls_rtu($pki, 'station', '--tls-min', $version, '--tls-max', $version, qw(--rate 50 --count 50));
    my $g   = wrap($pki, $rtu);
    my $m   = run_master($g->{port}, @STEPS);
    is($m->{status}, 0, 'allowed commands are done, others refused, on one link') or diag $m->{err};
    wait_record($g->{dir}, { event => 'session.close' });
    is(stop_process($g->{gate}, 'TERM'), 0, 'clean stop');
    wait_until(sub { grep { $_->{event} eq 'closed' } json_lines(slurp($rtu->{out})) });

    my @rtu = json_lines(slurp($rtu->{out}));
    my @allowed = map { $_->{asdu} }
        grep { $_->{event} eq 'apdu' && $_->{sent} && $_->{frame} eq 'I' && $_->{type} != 46 && $_->{type} != 50
               && $_->{objects}[0]{ioa} != 1050 } @{ $m->{lines} };
    is(scalar @allowed, 6, 'six commands are allowed');
    is(join("\n", asdus_received(@rtu)), join("\n", @allowed), 'the outstation received these and nothing else');
    my @had  = map { $_->{asdu} } grep { $_->{event} eq 'apdu' && !$_->{sent} && $_->{frame} eq 'I' && !$_->{negative} } @{ $m->{lines} };
    my @gave = asdus_sent(@rtu);
    is(join("\n", @had), join("\n", @gave[ 0 .. $#had ]), 'the master received what the outstation sent');
    my ($connected) = grep { $_->{event} eq 'connected' } @rtu;
    like($connected->{text}, qr/TLSv\Q$version\E .*CN=master\.lab/, 'the outstation saw our certificate');

    my @log = records($g->{dir});
    my ($open) = grep { $_->{event} eq 'session.open' } @log;
    is("$open->{subject} $open->{tls_version}", "CN=station.lab,O=gate104 lab TLSv$version", 'the log names the outstation');
    is($open->{target}, "127.0.0.1:$rtu->{port}", 'and where it is');
    like($open->{source}, qr/^127\.0\.0\.1:\d+$/, 'and where the master is');
    is(scalar(grep { $_->{event} eq 'op.command' } @log),     6, 'commands');
    is(scalar(grep { $_->{event} eq 'op.confirmed' } @log),   6, 'confirmations');
    is(scalar(grep { $_->{event} eq 'policy.refused' } @log), 3, 'refusals');
    my ($close) = grep { $_->{event} eq 'session.close' } @log;
    is("$close->{why} $close->{leg} $close->{refused}", 'master-closed master 3', 'the end');
    is(join("\n", log_faults($g->{dir})), '', 'the chain of the log holds');
    stop_process($rtu, 'TERM');
}

for my $kind (qw(ec rsa)) {
    for my $version ('1.2', '1.3') {
        subtest "\U$kind\E, TLS $version" => sub { main_path($kind, $version) };
    }
}

# The master finds its connection closed, the outstation, too; nothing of 104 passed.
sub refused {
    my ($what, $g, $rtu, $why) = @_;
    my $m = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $g->{port}) or die $!;
    $m->syswrite(pack 'H*', '680407000000');
    my $closed = IO::Select->new($m)->can_read(15) && !sysread $m, my $octets, 100;
    ok($closed, "$what: the master's connection is closed, without an answer");
    my @failed = wait_until(sub { grep { $_->{event} eq 'tls.handshake-failed' } records($g->{dir}) })
        ? grep { $_->{event} eq 'tls.handshake-failed' } records($g->{dir}) : ();
    is(join(' ', map { $_->{why} } @failed), $why, "$what: one record, and why");
    is($failed[0]{target}, "127.0.0.1:$rtu->{port}", "$what: which outstation");
    ok(wait_until(sub { grep { $_->{event} eq 'closed' } json_lines(slurp($rtu->{out})) }), "$what: the outstation's connection is closed");
    is(join(' ', asdus_received(json_lines(slurp($rtu->{out})))), '', "$what: nothing of 104 passed");
    is(stop_process($g->{gate}, 'TERM'), 0, "$what: clean stop");
    is(scalar(grep { $_->{event} =~ /^session/ } records($g->{dir})), 0, "$what: it was no session");
    stop_process($rtu, 'TERM');
}

subtest 'an outstation that is not the one' => sub {
    my $pki = pki();
    for my $version ('1.2', '1.3') {
        my $tls_rtu = sub { tls_rtu($pki, $_[0], '--tls-max', $version) };
        my $rtu = $tls_rtu->('station');
        refused("TLS $version, another name", wrap($pki, $rtu, name => 'rtu20.example'), $rtu, 'peer-name-mismatch');
        $rtu = $tls_rtu->('station');
        refused("TLS $version, part of the name", wrap($pki, $rtu, name => 'lab'), $rtu, 'peer-name-mismatch');
        $rtu = $tls_rtu->('foreign');
        refused("TLS $version, another CA", wrap($pki, $rtu), $rtu, 'unknown-ca');
        $rtu = $tls_rtu->('station');
        refused("TLS $version, a CA we do not trust", wrap($pki, $rtu, tls => { ca => ["$pki/other-ca.crt"], crl => [] }), $rtu, 'unknown-ca');
        for my $c ([ expired => 'certificate-expired' ], [ early => 'certificate-not-yet-valid' ], [ revoked => 'certificate-revoked' ],
                   [ master => 'certificate-purpose-server' ]) {
            $rtu = $tls_rtu->($c->[0]);
            refused("TLS $version, $c->[0]", wrap($pki, $rtu, $c->[0] eq 'master' ? (name => 'master.lab') : ()), $rtu, $c->[1]);
        }
    }
};

subtest 'an outstation that speaks no TLS' => sub {
    my $rtu = start_rtu();
    my $g   = wrap(pki(), $rtu);
    my $m   = run_master($g->{port}, '--timeout', 10, 'gi');
    is($m->{status}, 2, 'the master has no link');
    ok(wait_record($g->{dir}, { event => 'tls.handshake-failed' }), 'a record') or diag slurp("$g->{dir}/log/gate104.jsonl");
    is(join(' ', asdus_received(json_lines(slurp($rtu->{out})))), '', 'nothing passed');
};

subtest 'an outstation that is not there' => sub {
    my $port = free_port();
    my $g    = wrap(pki(), { port => $port });
    my $m    = run_master($g->{port}, 'gi');
    is($m->{status}, 2, 'the master has no link');
    my $failed = wait_record($g->{dir}, { event => 'session.dial-failed' });
    is("$failed->{why} $failed->{target}", "unreachable 127.0.0.1:$port", 'the record says why and where');
    # Once it is there, the next session works.
    my $rtu = tls_rtu(pki(), 'station', '--listen', "127.0.0.1:$port");
    is(run_master($g->{port}, 'gi accepted')->{status}, 0, 'the next session works');
};

done_testing();
