#!/usr/bin/perl
# The TLS side, by clients that are not ours: openssl s_client and IO::Socket::SSL.  Who
# is not to come in leaves one record that says why, and the RTU never hears of it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::SSL;
use Test::More;

$SIG{PIPE} = 'IGNORE';

my $POLICY = <<'P';
monitor = { default = "pass"; };
control = { default = "refuse"; rules = ( { name = "gi"; types = [ "C_IC_NA_1" ]; ca = [ 1 ]; } ); };
P

# name, certificate ("": none), why the log says, options of s_client, of IO::Socket::SSL.
my @CERTIFICATES = (
    [ 'no certificate',            '',         'no-peer-certificate' ],
    [ 'certificate of another CA', 'foreign',  'unknown-ca' ],
    [ 'expired',                   'expired',  'certificate-expired' ],
    [ 'not yet valid',             'early',    'certificate-not-yet-valid' ],
    [ 'revoked',                   'revoked',  'certificate-revoked' ],
    [ 'good for servers only',     'wrongeku', 'certificate-purpose' ],
);
my @CASES;
for my $c (@CERTIFICATES) {
    push @CASES, [ "$c->[0], TLS 1.$_", @$c[ 1, 2 ], ["-tls1_$_"], { SSL_version => "TLSv1_$_" } ] for 2, 3;
}
push @CASES,
    [ 'TLS 1.1', 'master', 'unsupported-version', [ '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0' ],
      { SSL_version => 'TLSv1_1', SSL_cipher_list => 'ALL:@SECLEVEL=0' } ],
    [ 'TLS 1.0', 'master', 'unsupported-version', [ '-tls1', '-cipher', 'ALL:@SECLEVEL=0' ],
      { SSL_version => 'TLSv1', SSL_cipher_list => 'ALL:@SECLEVEL=0' } ],
    [ 'plain RSA key exchange', 'master', 'no-shared-cipher', [ '-tls1_2', '-cipher', 'kRSA' ],
      { SSL_version => 'TLSv1_2', SSL_cipher_list => 'kRSA' } ],
    [ 'CBC', 'master', 'no-shared-cipher', [ '-tls1_2', '-cipher', 'ECDHE+SHA384:ECDHE+SHA256:ECDHE+SHA1:@SECLEVEL=0' ],
      { SSL_version => 'TLSv1_2', SSL_cipher_list => 'ECDHE+SHA384:ECDHE+SHA256:ECDHE+SHA1:@SECLEVEL=0' } ],
    [ 'no encryption', 'master', 'no-shared-cipher', [ '-tls1_2', '-cipher', 'eNULL:@SECLEVEL=0' ],
      { SSL_version => 'TLSv1_2', SSL_cipher_list => 'eNULL:@SECLEVEL=0' } ],
    [ 'anonymous', '', 'no-shared-cipher', [ '-tls1_2', '-cipher', 'aNULL:@SECLEVEL=0' ],
      { SSL_version => 'TLSv1_2', SSL_cipher_list => 'aNULL:@SECLEVEL=0' } ];

sub s_client {
    my ($g, $pki, $case) = @_;
    my ($name, $crt, $why, $options) = @$case;
    my @cert = $crt ? ('-cert', "$pki/$crt.crt", '-key', "$pki/$crt.key") : ();
    # Until the other side closes.
    my ($status, $out, $err) = run_command([ 'openssl', 's_client', '-connect', "127.0.0.1:$g->{port}",
                                             '-CAfile', "$pki/ca.crt", '-ign_eof', @cert, @$options ]);
    # A reset may overtake the alert where the client had more to say.
    return $status == 1 && "$out$err" =~ /alert|errno=104|reset/ ? '' : "status $status: $err";
}

sub perl_options {
    my ($g, $pki, $crt, %o) = @_;
    return (PeerAddr => '127.0.0.1', PeerPort => $g->{port}, SSL_ca_file => "$pki/ca.crt",
            SSL_verifycn_scheme => 'default', SSL_verifycn_name => 'station.lab', SSL_hostname => '',
            ($crt ? (SSL_cert_file => "$pki/$crt.crt", SSL_key_file => "$pki/$crt.key") : ()), %o);
}

sub perl_client {
    my ($g, $pki, $case) = @_;
    my ($name, $crt, $why, $options, $perl) = @$case;
    my $s = IO::Socket::SSL->new(perl_options($g, $pki, $crt, %$perl, Timeout => 10)) or return '';
    # In TLS 1.3 the client is done before the server has looked at its certificate.
    return 'connected' if $s->get_sslversion ne 'TLSv1_3';
    syswrite $s, pack('H*', '680407000000');
    my $n = sysread $s, my $octets, 100;
    return $n ? 'got data' : '';
}

for my $kind (qw(ec rsa)) {
    my $pki = pki($kind);
    for my $client ([ 'openssl s_client', \&s_client ], [ 'IO::Socket::SSL', \&perl_client ]) {
        my ($who, $connect) = @$client;
        subtest "who does not come in: $who, \U$kind" => sub {
            my $rtu = IO::Socket::INET->new(Listen => 50, LocalAddr => '127.0.0.1', LocalPort => 0) or die $!;
            my $g = start_route({ mode => 'protect-rtu', rtu => [ '127.0.0.1:' . $rtu->sockport ], policy_text => $POLICY }, pki => $pki);
            my $failures = sub { grep { $_->{event} eq 'tls.handshake-failed' } records($g->{dir}) };
            my $n = 0;
            for my $case (@CASES) {
                my $fault = $connect->($g, $pki, $case);
                wait_until(sub { $failures->() > $n });
                my @new = $failures->();
                is("$fault|" . join(' ', map { $_->{why} } @new[ $n .. $#new ]), "|$case->[2]", $case->[0]);
                $n = @new;
            }
            my ($certificate) = grep { $_->{why} eq 'certificate-revoked' } $failures->();
            like($certificate->{detail}, qr/CN=revoked\.lab/, 'the record names the certificate');
            like($certificate->{source}, qr/^127\.0\.0\.1:\d+$/, 'and where it came from');
            ok(!IO::Select->new($rtu)->can_read(0), 'nobody dialled the RTU');

            # The next good one works: one command that gate104 refuses is answered.
            my $m = spawn_process([ bin('gate104-sim'), 'master', '--connect', "127.0.0.1:$g->{port}", tls_client($pki), 'single 1001 on refused' ]);
            my $s = $rtu->accept;
            $s->sysread(my $in, 100);
            is(unpack('H*', $in), '680407000000', 'a good session reaches the RTU');
            $s->syswrite(pack 'H*', '68040b000000');
            is(stop_process($m), 0, 'and gets its answer');
            wait_record($g->{dir}, { event => 'session.close' });
            my @log = records($g->{dir});
            is(scalar(grep { $_->{event} eq 'tls.handshake-failed' } @log), scalar @CASES, 'one record for each of the others');
            is(join(' ', sort map { $_->{event} } grep { $_->{event} =~ /^(?:session|system\.(?!config-warning))/ } @log),
               'session.close session.open session.startdt system.start', 'and no session, and no process that died');
            stop_process($g->{gate}, 'TERM');
        };
    }
}

subtest 'renegotiation' => sub {
    my $pki = pki();
    my $rtu = start_rtu();
    my $g   = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"], policy_text => $POLICY });
    # s_client takes a line that is an R as the order to renegotiate.
    my $in = spew("$g->{dir}/in", "R\n");
    my ($status, $out, $err) = run_command([ 'openssl', 's_client', '-connect', "127.0.0.1:$g->{port}", '-CAfile', "$pki/ca.crt",
        '-tls1_2', '-cert', "$pki/master.crt", '-key', "$pki/master.key" ], in => $in);
    like($err, qr/^RENEGOTIATING$/m, 's_client asks for it');
    like("$out$err", qr/no renegotiation/i, 'and is refused');
    isnt($status, 0, 'which it takes for an error');
    # It may go before the RTU has been dialled.
    ok(wait_record($g->{dir}, { event => qr/^session\.(?:close|open-failed)$/ }), 'one session, which ends');
    is(scalar(grep { $_->{event} =~ /^session\.(?:close|open-failed)$/ } records($g->{dir})), 1, 'and no other');
    my $m = run_master($g->{port}, tls_client($pki), 'gi accepted');
    is($m->{status}, 0, 'the next works');
};

# Octets in, octets out: both stations are played here.
subtest 'a session by hand' => sub {
    my $pki = pki();
    for my $version ('TLSv1_2', 'TLSv1_3') {
        my $rtu = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 0) or die $!;
        my $g = start_route({ mode => 'protect-rtu', rtu => [ '127.0.0.1:' . $rtu->sockport ], policy_text => $POLICY });
        my $c = IO::Socket::SSL->new(perl_options($g, $pki, 'master', SSL_version => $version)) or die $SSL_ERROR;
        my $s = $rtu->accept;
        my $passes = sub {
            my ($from, $to, $hex, $what, $as) = @_;
            syswrite $from, pack 'H*', $hex;
            my ($got, $want) = ('', $as // $hex);
            while (length $got < length $want) {
                # A record may be there already, which the socket does not show.
                last if !($to->can('pending') && $to->pending) && !IO::Select->new($to)->can_read(10);
                sysread $to, my $octets, 1000 or last;
                $got .= unpack 'H*', $octets;
            }
            is($got, $want, "$version: $what");
        };
        is($c->peer_certificate('cn'), 'station.lab', "$version: the certificate");
        $passes->($c, $s, '680407000000', 'STARTDT act');
        $passes->($s, $c, '68040b000000', 'STARTDT con');
        $passes->($c, $s, '680443000000', 'TESTFR act');
        $passes->($s, $c, '680483000000', 'TESTFR con');
        $passes->($c, $s, '680e0000000064010600010000000014', 'general interrogation');
        my $data = '01' . '8a' . '1400' . '0100' . '010000' . '01000100010001000100';
        my $apdu = sub { my ($ns, $nr, $asdu) = @_; return '68' . unpack('H*', pack 'Cvv', 4 + length($asdu) / 2, 2 * $ns, 2 * $nr) . $asdu };
        $passes->($s, $c, $apdu->(0, 1, '64010700010000000014') . $apdu->(1, 1, $data) . $apdu->(2, 1, '64010a00010000000014'),
                  'confirmation, ten points, termination');
        # Refused: P/N = 1 and the numbers of this leg; its N(R) goes on as an S-frame.
        $passes->($c, $c, $apdu->(1, 3, '2d0106000100e9030001'), 'a refused command is answered here',
                  $apdu->(3, 2, '2d0147000100e9030001'));
        $passes->($c, $s, $apdu->(2, 4, '64010600010000000014'), 'the next is numbered as if the refused had not been',
                  '680401000600' . $apdu->(1, 3, '64010600010000000014'));
        $passes->($s, $c, $apdu->(3, 2, '64010700010000000014'), 'so is the answer', $apdu->(4, 3, '64010700010000000014'));
        $passes->($c, $s, '680413000000', 'STOPDT act', '680413000000');
        close $c;
        my $close = wait_record($g->{dir}, { event => 'session.close' });
        is("$close->{why} $close->{master_i} $close->{refused} $close->{station_i}", 'master-closed 3 1 4', "$version: counted");
        stop_process($g->{gate}, 'TERM');
    }
};

done_testing();
