#!/usr/bin/perl
# The profiles: each suite, group and signature algorithm of the list is spoken, and
# nothing else that OpenSSL knows; two certificates on one route; old masters only where the
# route says so.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use IO::Socket::SSL;
use Net::SSLeay;
use Test::More;

$SIG{PIPE} = 'IGNORE';

my $STRICT_12 = 'ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-RSA-AES128-GCM-SHA256 ECDHE-RSA-AES256-GCM-SHA384';
my $STRICT_13 = 'TLS_AES_128_CCM_SHA256 TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384';
my %WANT = (
    'strict'       => { suites => "$STRICT_12 $STRICT_13", groups => 'P-256 P-384' },
    '62351-3-full' => {
        suites => "AES128-SHA256 DHE-RSA-AES128-GCM-SHA256 DHE-RSA-AES256-GCM-SHA384 $STRICT_12 $STRICT_13 TLS_CHACHA20_POLY1305_SHA256",
        groups => 'P-256 P-384 ffdhe2048 ffdhe3072 ffdhe4096',
    },
);
my @SUITES_13 = qw(TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_AES_128_CCM_SHA256 TLS_AES_128_CCM_8_SHA256 TLS_CHACHA20_POLY1305_SHA256);
my @SIGALGS = map { "ecdsa_secp$_" } qw(256r1_sha256 384r1_sha384);
push @SIGALGS, map { ("rsa_pss_rsae_sha$_", "rsa_pkcs1_sha$_") } qw(256 384 512);

my $pki = pki();
issue_rsa($pki);

# An RSA certificate for both sides beside the EC ones.
sub issue_rsa {
    my ($dir) = @_;
    my $ext = spew("$dir/rsa.cnf", "basicConstraints = critical, CA:FALSE\nkeyUsage = critical, digitalSignature, keyEncipherment\n"
        . "extendedKeyUsage = serverAuth, clientAuth\nsubjectAltName = DNS:station.lab, IP:127.0.0.1\n");
    for my $c ([qw(req -new -newkey rsa:2048 -nodes -subj /CN=station.lab -config), "$dir/ca.cnf", '-keyout', "$dir/rsa.key", '-out', "$dir/rsa.csr"],
               [qw(x509 -req -set_serial 4711 -days 30 -sha256 -in), "$dir/rsa.csr", '-CA', "$dir/ca.crt", '-CAkey', "$dir/ca.key",
                '-extfile', $ext, '-out', "$dir/rsa.crt"]) {
        my ($status, $out, $err) = run_command([ 'openssl', @$c ]);
        die "openssl @$c: $err" if $status != 0;
    }
    chmod 0600, "$dir/rsa.key";
}

my $rtu = start_rtu();

sub start_profile {
    my (%tls) = @_;
    return start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"], max_sessions => 1000 },
        pki => $pki, limits => 'sessions_per_worker = 256; handshakes_per_source = 256; ',
        tls => { cert => [ "$pki/station.crt", "$pki/rsa.crt" ], key => [ "$pki/station.key", "$pki/rsa.key" ], %tls });
}

# STARTDT through it: "suite kind-of-our-certificate", or why not.
sub visit {
    my ($g, $crt, %o) = @_;
    my $options = delete $o{options} // 0;
    my $s = IO::Socket::SSL->new(
        PeerAddr => '127.0.0.1', PeerPort => $g->{port}, Timeout => 10, SSL_ca_file => "$pki/ca.crt", SSL_hostname => '',
        SSL_verifycn_scheme => 'default', SSL_verifycn_name => 'station.lab', SSL_cert_file => "$pki/$crt.crt", SSL_key_file => "$pki/$crt.key",
        SSL_create_ctx_callback => sub { Net::SSLeay::CTX_set_options($_[0], $options) }, %o) or return "no: $SSL_ERROR";
    syswrite $s, pack 'H*', '680407000000';
    my $n = sysread $s, my $octets, 100;
    return 'no: closed' if !$n || unpack('H*', $octets) ne '68040b000000';
    my $cert = $s->peer_certificate;
    my $kind = Net::SSLeay::X509_get_serialNumber($cert) && Net::SSLeay::P_ASN1_INTEGER_get_dec(Net::SSLeay::X509_get_serialNumber($cert)) eq '4711' ? 'rsa' : 'ec';
    my $suite = $s->get_cipher;
    close $s;
    return "$suite $kind";
}

# The suite that s_client gets with an EC or RSA certificate, or "".
sub s_client_as {
    my ($crt, $g, @options) = @_;
    my ($status, $out, $err) = run_command([ 'openssl', 's_client', '-connect', "127.0.0.1:$g->{port}", '-CAfile', "$pki/ca.crt",
                                             '-cert', "$pki/$crt.crt", '-key', "$pki/$crt.key", @options ]);
    return '' if $status != 0;
    return $out =~ /^New, TLSv\S+, Cipher is (\S+)$/m ? $1 : "? $out$err";
}

sub s_client { return s_client_as('master', @_) }

sub failures { my ($g) = @_; return grep { $_->{event} eq 'tls.handshake-failed' } records($g->{dir}) }

# The reason the log gives for what the code does.
sub why {
    my ($g, $code) = @_;
    my $before = failures($g);
    my $got = $code->();
    wait_until(sub { failures($g) > $before });
    my @new = failures($g);
    return join ' ', map { $_->{why} } @new[ $before .. $#new ];
}

my @all = split /[:\n]/, (run_command([ 'openssl', 'ciphers', '-s', '-tls1_2', 'ALL:COMPLEMENTOFALL:@SECLEVEL=0' ]))[1];
@all = grep { !/^TLS_/ } @all;
cmp_ok(scalar @all, '>', 60, 'OpenSSL knows many suites');

for my $profile (sort keys %WANT) {
    my $g = start_profile(profile => $profile);
    subtest "profile $profile" => sub {
        my @good = grep { my $got = s_client($g, '-tls1_2', '-cipher', "$_:\@SECLEVEL=0"); die "$_: $got" if $got && $got ne $_; $got } @all;
        push @good, grep { s_client($g, '-tls1_3', '-ciphersuites', $_) eq $_ } @SUITES_13;
        is(join(' ', sort @good), $WANT{$profile}{suites}, 'the suites and no others');
        for my $suite (@good) {
            my %o = $suite =~ /^TLS_/ ? (SSL_version => 'TLSv1_3', SSL_ciphersuites => $suite) : (SSL_version => 'TLSv1_2', SSL_cipher_list => $suite);
            like(visit($g, 'master', %o), qr/^\Q$suite\E (?:ec|rsa)$/, "data flows with $suite");
        }
        my @groups = grep { s_client($g, '-tls1_3', '-groups', $_) } qw(P-256 P-384 P-521 X25519 X448 ffdhe2048 ffdhe3072 ffdhe4096 ffdhe6144 ffdhe8192);
        is("@groups", $WANT{$profile}{groups}, 'the groups and no others');
        my @curves = grep { s_client_as('rsa', $g, '-tls1_2', '-cipher', 'ECDHE', '-groups', $_) } qw(P-256 P-384 P-521 X25519 X448 brainpoolP256r1 secp256k1);
        is("@curves", 'P-256 P-384', 'and in TLS 1.2 the curves');
        my @schemes = grep { s_client_as(/ec/i ? 'master' : 'rsa', $g, '-tls1_2', '-cipher', 'ECDHE', '-sigalgs', $_) }
            @SIGALGS, 'ECDSA+SHA1', 'RSA+SHA1', 'RSA+SHA224', 'ed25519';
        # A P-256 key signs with any digest in TLS 1.2.
        is("@schemes", "@SIGALGS", 'the signature algorithms');
        is(s_client($g, "-tls$_", '-cipher', 'ALL:@SECLEVEL=0'), '', "TLS $_ is not spoken") for qw(1 1_1);
        is(visit($g, 'rsa', SSL_version => 'TLSv1_2', SSL_cipher_list => "AES128-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"),
           'ECDHE-ECDSA-AES128-GCM-SHA256 ec', 'the server chooses');
    };
    subtest "CBC with profile $profile" => sub {
        my $cbc = sub { my ($options) = @_; return sub { visit($g, 'rsa', SSL_version => 'TLSv1_2', SSL_cipher_list => 'AES128-SHA256', options => $options) } };
        if ($profile eq 'strict') {
            is(why($g, $cbc->(0)), 'no-shared-cipher', 'not at all');
        } else {
            is($cbc->(0)->(), 'AES128-SHA256 rsa', 'with encrypt-then-MAC and extended master secret');
            like(wait_record($g->{dir}, { event => 'session.open', tls_suite => 'AES128-SHA256' })->{detail}, qr/forward secrecy/, 'which the log remarks');
            is(why($g, $cbc->(0x80000)), 'no-encrypt-then-mac', 'not without encrypt-then-MAC');
            like((failures($g))[-1]{iec62351}, qr/\b1\.18\b/, 'an event of IEC 62351-3');
            is(why($g, $cbc->(1)), 'no-extended-master-secret', 'not without extended master secret');
        }
        is(why($g, sub { visit($g, 'master', SSL_version => 'TLSv1_2', options => 1) }), 'no-extended-master-secret', 'nor any other suite');
    };
    subtest "both certificates with profile $profile" => sub {
        my @GCM = ([ 'ECDHE-RSA-AES128-GCM-SHA256', 'rsa' ], [ 'ECDHE-ECDSA-AES128-GCM-SHA256', 'ec' ]);
        for my $client (qw(master rsa)) {
            is(visit($g, $client, SSL_version => 'TLSv1_2', SSL_cipher_list => $_->[0]), "@$_", "client $client, server $_->[1], TLS 1.2") for @GCM;
        }
        is(s_client($g, '-tls1_3', '-sigalgs', 'rsa_pss_rsae_sha256:ecdsa_secp256r1_sha256') ne '', 1, 'either in TLS 1.3');
        for my $s ([ 'rsa_pss_rsae_sha256', 'RSA' ], [ 'ecdsa_secp256r1_sha256', 'EC|ecdsa' ]) {
            my ($status, $out) = run_command([ 'openssl', 's_client', '-connect', "127.0.0.1:$g->{port}", '-tls1_3', '-sigalgs', $s->[0] ]);
            like($out, qr/Peer signature type: (?:RSA-PSS|ECDSA)/, "TLS 1.3 with $s->[0]");
            like($out, $s->[1] eq 'RSA' ? qr/signature type: RSA-PSS/ : qr/signature type: ECDSA/, 'is signed with that key');
        }
    };
    stop_process($g->{gate}, 'TERM');
}

subtest 'TLS 1.3 only' => sub {
    my $g = start_profile(min_version => '1.3');
    is(s_client($g, '-tls1_3'), 'TLS_AES_128_GCM_SHA256', 'TLS 1.3');
    is(why($g, sub { s_client($g, '-tls1_2') }), 'unsupported-version', 'no TLS 1.2');
    stop_process($g->{gate}, 'TERM');
};

# What lib60870 with mbedTLS 2.28 as shipped offers.
my %OLD = (SSL_version => 'TLSv1_2', SSL_cipher_list => 'AES128-SHA256', options => 0x80001);

sub old_master {
    my $dir = scratch();
    return if !-e '/usr/include/mbedtls/ssl.h';
    my ($status, $out, $err) = run_command([ qw(cc -O1 -o), "$dir/old_master", "$FindBin::Bin/old_master.c", qw(-lmbedtls -lmbedx509 -lmbedcrypto) ]);
    die $err if $status != 0;
    return "$dir/old_master";
}

subtest 'old masters' => sub {
    my $strict = start_profile();
    my $g      = start_profile(legacy_rsa_key_transport => \'true');
    like(slurp("$g->{dir}/gate104d.err"), qr/warning:.*legacy_rsa_key_transport: .*forward secrecy.*RSA key that serves nothing else/, 'a warning at the start');
    ok(wait_record($g->{dir}, { event => "system.config-warning", detail => qr/legacy_rsa_key_transport/ }), 'and in the log');
    unlike(slurp("$strict->{dir}/gate104d.err"), qr/legacy/, 'not where it is off');
    is(why($strict, sub { visit($strict, 'rsa', %OLD) }), 'no-shared-cipher', 'off: refused');
    is(visit($g, 'rsa', %OLD), 'AES128-SHA256 rsa', 'on: served');
    is(visit($g, 'rsa', SSL_cipher_list => 'AES128-SHA256:ECDHE-RSA-AES128-GCM-SHA256', SSL_version => 'TLSv1_2'),
       'ECDHE-RSA-AES128-GCM-SHA256 rsa', 'but those who can do better have to');
    is(why($g, sub { visit($g, 'rsa', %OLD, SSL_cipher_list => 'ECDHE-RSA-AES128-GCM-SHA256') }), 'no-extended-master-secret',
       'and the exception is for the old suite only');
    SKIP: {
        my $old = old_master() or skip 'no libmbedtls-dev', 3;
        my @args = ($old, $g->{port}, "$pki/ca.crt", "$pki/rsa.crt", "$pki/rsa.key", 100);
        my ($status, $out, $err) = run_command(\@args);
        is($status, 0, 'a master with mbedTLS 2.28') or diag $err;
        like($out, qr/^TLS-RSA-WITH-AES-128-CBC-SHA256$/m, 'speaks its one suite');
        like($out, qr/^100 of 100$/m, 'and 100 test frames come back');
    }
    stop_process($_->{gate}, 'TERM') for $strict, $g;
};

# The other direction: an old outstation, and one with finite-field groups only.
subtest 'as a client' => sub {
    for my $case ([ 'AES128-SHA256', { legacy_rsa_key_transport => \'true' }, 0x80001, 1 ], [ 'AES128-SHA256', {}, 0, '' ],
                  [ 'AES128-SHA256', { profile => '62351-3-full' }, 0, 1 ], [ 'DHE-RSA-AES128-GCM-SHA256', { profile => '62351-3-full' }, 0, 1 ],
                  [ 'ECDHE-RSA-AES128-GCM-SHA256', {}, 0, 1 ]) {
        my ($suite, $tls, $options, $good) = @$case;
        my $server = IO::Socket::SSL->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => 0, SSL_server => 1, SSL_version => 'TLSv1_2',
            SSL_cipher_list => $suite, SSL_cert_file => "$pki/rsa.crt", SSL_key_file => "$pki/rsa.key", SSL_verify_mode => SSL_VERIFY_PEER,
            SSL_ca_file => "$pki/ca.crt",
            SSL_create_ctx_callback => sub { Net::SSLeay::CTX_set_options($_[0], $options) }) or die $SSL_ERROR;
        my $port = free_port();
        my $dir  = write_config(pki => $pki, tls => $tls, routes => [ { name => 'r', mode => 'wrap-master', listen => ["127.0.0.1:$port"],
            remote => [ '127.0.0.1:' . $server->sockport ], peer_name => 'station.lab' } ]);
        my $g = start_gate104($dir);
        my $master = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die $!;
        my $c = $server->accept;
        is($c ? $c->get_cipher : '', $good ? $suite : '', "$suite, " . ($good ? 'accepted' : 'refused'));
        close $master;
        stop_process($g, 'TERM');
    }
};

subtest 'gate104d -t' => sub {
    my $check = sub {
        my (%tls) = @_;
        my $dir = write_config(pki => $pki, tls => {%tls},
            routes => [ { name => 'r', mode => 'protect-rtu', listen => ['127.0.0.1:' . free_port()], rtu => ['127.0.0.1:2404'] } ]);
        my ($status, $out, $err) = run_command([ bin('gate104d'), '-c', "$dir/gate104.conf", '-t' ]);
        return "$status $out$err";
    };
    my @two = (cert => [ "$pki/station.crt", "$pki/rsa.crt" ], key => [ "$pki/station.key", "$pki/rsa.key" ]);
    like($check->(@two), qr/^0 /, 'two certificates');
    like($check->(@two, key => [ "$pki/station.key", "$pki/master.key" ]), qr/^1 .*rsa\.crt/s, 'the second key is another');
    like($check->(@two, key => [ "$pki/rsa.key", "$pki/station.key" ]), qr/^1 .*rsa\.key.*station\.crt/s, 'keys in the wrong order');
    like($check->(cert => [ "$pki/station.crt", "$pki/revoked.crt" ], key => [ "$pki/station.key", "$pki/revoked.key" ]),
         qr/^1 .*same type/s, 'two of the same type');
    like($check->(legacy_rsa_key_transport => \'true'), qr/^1 .*needs an RSA certificate/s, 'key transport without an RSA certificate');
    like($check->(profile => '62351-3-full'), qr/^0 .*warning.*needs an RSA certificate/s, 'the full profile without one: a warning');
    like($check->(@two, legacy_rsa_key_transport => \'true'), qr/^0 .*warning.*forward secrecy/s, 'key transport: a warning');
    my $rsa = pki('rsa');
    like($check->(cert => "$rsa/station.crt", key => "$rsa/station.key", legacy_rsa_key_transport => \'true'),
         qr/^0 .*keyEncipherment/s, 'a certificate that is not made for it: a warning');
    like($check->(profile => 'weak'), qr/^1 .*tls\.profile.*"strict" or "62351-3-full"/s, 'a profile that is none');
};

done_testing();
