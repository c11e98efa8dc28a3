#!/usr/bin/perl
# What scanners say that others trust: sslscan and testssl.sh against a running gate104.
# Nothing below TLS 1.2, no weak suite, and no finding that is not explained here.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use JSON::PP;
use Test::More;

plan skip_all => 'what is offered does not depend on sanitizers' if $BUILD =~ /-san$/;

sub installed { return grep { -x "$_/$_[0]" } split /:/, $ENV{PATH} }

# Findings of testssl.sh above INFO, with the reason why they stand.
my %ALWAYS = (
    engine_problem       => 'Debian\'s openssl, which testssl.sh uses beside its own sockets, has no GOST engine',
    cert_revocation      => 'the lab\'s certificates name no place for revocation lists; stations get them as files',
    secure_client_renego => 'not tested by testssl.sh where a client certificate is asked for; tls.t does',
    BREACH               => 'of HTTP, which is not spoken',
);
my %EXPLAINED = (
    'strict'       => {%ALWAYS},
    '62351-3-full' => {
        %ALWAYS,
        cipherlist_AVERAGE   => 'AES128-SHA256, mandatory in IEC 62351-3 (table 9)',
        LUCKY13              => 'AES128-SHA256 is CBC; with encrypt-then-MAC, except where legacy_rsa_key_transport asks for less',
    },
);

# What differs between the profiles is looked at twice, the rest once.
my %SECTIONS = (
    'strict'       => [qw(-p -P -s -f -S -U)],
    '62351-3-full' => [qw(-p -s -f -BB -J -L)],
);

my $pki = pki();
issue_rsa($pki);

my $rtu = start_rtu();
my %scan;
for my $profile (sort keys %EXPLAINED) {
    my $g = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"], max_sessions => 1000 },
        pki => $pki, limits => 'sessions_per_worker = 256; handshakes_per_source = 256; ',
        tls => { cert => [ "$pki/station.crt", "$pki/rsa.crt" ], key => [ "$pki/station.key", "$pki/rsa.key" ], profile => $profile,
                 ($profile eq 'strict' ? () : (legacy_rsa_key_transport => \'true')) });
    $scan{$profile} = { g => $g };
    # Both at once: they wait more than they work.
    my $json = "$g->{dir}/testssl.json";
    $scan{$profile}{p} = spawn_process([ qw(testssl --quiet --color 0 --warnings off --nodns none --ip 127.0.0.1), @{ $SECTIONS{$profile} },
        '--add-ca', "$pki/ca.crt", '--jsonfile', $json, "localhost:$g->{port}" ], dir => $g->{dir}) if installed('testssl');
}

for my $profile (sort keys %scan) {
    my $g = $scan{$profile}{g};
    subtest "sslscan, profile $profile" => sub {
        plan skip_all => 'sslscan is not installed' if !installed('sslscan');
        my ($status, $out, $err) = run_command([ qw(sslscan --no-colour), "--pk=$pki/master.key", "--certs=$pki/master.crt", "127.0.0.1:$g->{port}" ], seconds => 60);
        is($status, 0, 'sslscan') or diag $err;
        my %spoken = $out =~ /^((?:SSL|TLS)v[\d.]+)\s+(enabled|disabled)$/mg;
        is(join(' ', map { "$_:$spoken{$_}" } sort keys %spoken),
           'SSLv2:disabled SSLv3:disabled TLSv1.0:disabled TLSv1.1:disabled TLSv1.2:enabled TLSv1.3:enabled', 'versions');
        my @suites = sort $out =~ /^(?:Preferred|Accepted)\s+\S+\s+\d+ bits\s+(\S+)/mg;
        my @weak = grep { !/^TLS_(?:AES|CHACHA20)/ && !/^(?:ECDHE-\w+|DHE-RSA)-AES\d+-GCM-SHA\d+$/ } @suites;
        is("@weak", $profile eq 'strict' ? '' : 'AES128-SHA256', 'suites without forward secrecy or AEAD');
        cmp_ok(scalar @suites, '>=', 7, 'suites');
        like($out, qr/Session renegotiation not supported/, 'no renegotiation for a stranger');
        unlike($out, qr/\bvulnerable to heartbleed(?<!not vulnerable to heartbleed)/, 'no heartbleed');
    };
}

for my $profile (sort keys %scan) {
    subtest "testssl.sh, profile $profile" => sub {
        my $p = $scan{$profile}{p} or plan skip_all => 'testssl.sh is not installed';
        my $g = $scan{$profile}{g};
        # Its status counts findings; 240 and more are its own faults.
        cmp_ok((stop_process($p, undef, 300) // -1) >> 8, '<', 240, 'testssl.sh') or diag slurp($p->{out});
        my $all = eval { decode_json(slurp("$g->{dir}/testssl.json")) } // [];
        $_->{id} =~ s/ <cert#\d+>$// for @$all;
        my %found = map { $_->{id} => $_ } @$all;
        cmp_ok(scalar @$all, '>', $profile eq 'strict' ? 60 : 25, 'findings of all kinds');
        for my $version (qw(SSLv2 SSLv3 TLS1 TLS1_1)) {
            like($found{$version}{finding}, qr/^not offered/, "$version is not offered");
        }
        like($found{$_}{finding}, qr/^offered/, "$_ is offered") for qw(TLS1_2 TLS1_3);
        my @above = grep { $_->{severity} !~ /^(?:OK|INFO|DEBUG)$/ } @$all;
        my @open = grep { !$EXPLAINED{$profile}{ $_->{id} } } @above;
        is(join("\n", map { "$_->{severity} $_->{id}: $_->{finding}" } @open), '', 'every finding is explained');
        note("$_->{severity} $_->{id}: ", $EXPLAINED{$profile}{ $_->{id} } // 'OPEN') for @above;
        my $m = run_master($g->{port}, tls_client($pki), 'gi accepted');
        is($m->{status}, 0, 'and gate104 serves its masters as before');
        stop_process($g->{gate}, 'TERM');
    };
}

# An RSA certificate for the station beside the EC one.
sub issue_rsa {
    my ($dir) = @_;
    my $ext = spew("$dir/rsa.cnf", "basicConstraints = critical, CA:FALSE\nkeyUsage = critical, digitalSignature, keyEncipherment\n"
        . "extendedKeyUsage = serverAuth, clientAuth\nsubjectAltName = DNS:station.lab, DNS:localhost, IP:127.0.0.1\n");
    for my $c ([qw(req -new -newkey rsa:2048 -nodes -subj /CN=station.lab -config), "$dir/ca.cnf", '-keyout', "$dir/rsa.key", '-out', "$dir/rsa.csr"],
               [qw(x509 -req -set_serial 4711 -days 365 -sha256 -in), "$dir/rsa.csr", '-CA', "$dir/ca.crt", '-CAkey', "$dir/ca.key",
                '-extfile', $ext, '-out', "$dir/rsa.crt"]) {
        my ($status, $out, $err) = run_command([ 'openssl', @$c ]);
        die "openssl @$c: $err" if $status != 0;
    }
    chmod 0600, "$dir/rsa.key";
}

done_testing();
