#!/usr/bin/perl
# Certificates, trust anchors and revocation lists that change while sessions run: who is
# revoked or expired goes, everybody else stays, and what is not good is not used.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Copy qw(copy);
use Gate104;
use Net::SSLeay;
use POSIX qw(strftime);
use Raw104;
use Test::More;

my $rtu = start_rtu();

# ---- a PKI that changes ----

# Copy of the lab's, so that no other test sees what happens to it.
sub new_pki {
    my $dir = scratch();
    system("cp -r '" . pki() . "/.' '$dir/'") == 0 or die 'cp';
    return $dir;
}

sub ca {
    my ($pki, @args) = @_;
    my ($status, $out, $err) = run_command([ 'sh', '-c', 'cd "$1" && shift && exec openssl ca -config ca.cnf "$@"', 'sh', $pki,
                                             '-cert', 'ca.crt', '-keyfile', 'ca.key', @args ]);
    $status == 0 or die "openssl ca @args: $err";
}

sub asn1_time { return strftime('%Y%m%d%H%M%SZ', gmtime(time + $_[0])) }

# A certificate of the CA with a key of its own, as lab-pki makes them.
sub issue {
    my ($pki, $name, %o) = @_;
    my $cmd = 'cd "$1" && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$2.key" 2>/dev/null && '
        . 'openssl req -new -key "$2.key" -config ca.cnf -subj "/O=gate104 lab/CN=$2.lab" -out "$2.csr"';
    my ($status, $out, $err) = run_command([ 'sh', '-c', $cmd, 'sh', $pki, $name ]);
    $status == 0 or die $err;
    ca($pki, qw(-batch -notext -extensions), $o{extensions} // 'v3_client', '-in', "$name.csr", '-out', "$name.crt",
       '-startdate', asn1_time(-86400), '-enddate', asn1_time($o{life} // 86400 * 300));
}

# A new list, as a whole: with the name of the old one from one moment to the next.
sub new_crl {
    my ($pki, %o) = @_;
    ca($pki, '-gencrl', '-out', 'new.crl', $o{late} ? ('-crl_lastupdate', asn1_time(-86400 * 30), '-crl_nextupdate', asn1_time(-$o{late})) : ());
    rename "$pki/new.crl", $o{to} // "$pki/ca.crl" or die $!;
}

sub revoke {
    my ($pki, $name, $reason) = @_;
    ca($pki, '-revoke', "$name.crt", '-crl_reason', $reason // 'keyCompromise');
}

# ---- sessions ----

sub route { return { mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"], enforce => \'true' } }

sub start { my ($pki, %o) = @_; return start_route(route(), pki => $pki, %o) }

sub session {
    my ($g, $pki, $name, %o) = @_;
    my $s = Raw104->connect_tls($g->{port}, $pki, name => $name, %o);
    return $s && $s->start ? $s : undef;
}

sub flows { my ($s) = @_; return $s->send($Raw104::TESTFR_ACT) && defined $s->until_apdu($Raw104::TESTFR_CON) }

sub close_notify { return Net::SSLeay::get_shutdown($_[0]{sock}->_get_ssl_object) & 2 }

# Events of a session, with the reason and the event of IEC 62351-3.
sub story {
    my ($g, $s) = @_;
    wait_until(sub { grep { $_->{event} eq 'session.close' } records_of_client($g->{dir}, $s->{port}) });
    return map { join ' ', grep { defined } @$_{qw(event why iec62351)} }
        grep { $_->{event} =~ /^tls|close$/ } records_of_client($g->{dir}, $s->{port});
}

sub reloads { my ($g, $event) = @_; return grep { $_->{event} eq "system.$event" } records($g->{dir}) }

sub wait_reload {
    my ($g, $n, $event) = @_;
    return (wait_until(sub { my @r = reloads($g, $event // 'reload'); @r >= $n ? \@r : undef }, 20) // [])->[ $n - 1 ];
}

# What a handshake with this certificate comes to: the log's word.
sub handshake {
    my ($g, $pki, $name) = @_;
    my $s = session($g, $pki, $name);
    if ($s) { $s->close; return 'open' }
    my $r = wait_until(sub { (grep { $_->{event} eq 'tls.handshake-failed' } records_of_client($g->{dir}, $Raw104::PORT))[0] });
    return $r ? $r->{why} : 'no record';
}

# ---- revoked while it runs ----

for my $case ([ 'SIGHUP, a process for each session', 'TLSv1_3', 1, 1 ], [ 'SIGHUP, pooled', 'TLSv1_2', 8, 1 ],
              [ 'the file alone', 'TLSv1_2', 1, 0 ], [ 'the file alone, pooled', 'TLSv1_3', 8, 0 ]) {
    my ($what, $version, $pool, $signal) = @$case;
    subtest "a certificate is revoked while its session runs: $what, $version" => sub {
        my $pki = new_pki();
        issue($pki, 'second');
        my $g = start($pki, limits => "sessions_per_worker = $pool; spare_workers = 2;");
        my $bad  = session($g, $pki, 'second', version => $version);
        my $good = session($g, $pki, 'master', version => $version);
        ok($bad && $good, 'two sessions');
        is($good->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'with commands');
        revoke($pki, 'second');
        if ($signal) {
            # Written in place, so that it is the signal that counts.
            copy("$pki/ca.crl", "$pki/unused.crl");
            new_crl($pki);
            kill 'HUP', $g->{gate}{pid};
        }
        else { new_crl($pki) }
        ok($bad->ended(10), 'its session ends');
        ok(close_notify($bad), 'with close_notify');
        is_deeply([ story($g, $bad) ],
                  [ 'tls.certificate-invalid certificate-revoked IEC62351-3:2.4', 'session.close certificate-revoked IEC62351-3:1.8' ],
                  'with its records');
        my ($r) = grep { $_->{event} eq 'tls.certificate-invalid' } records($g->{dir});
        like($r->{detail}, qr/keyCompromise.*CN=second\.lab/, 'which name reason and certificate');
        ok(flows($good), 'the other session lives on');
        is($good->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'with its commands');
        ok(flows($good), 'on the same link');
        is(scalar(grep { $_->{event} eq 'session.open' } records($g->{dir})), 2, 'which never was another');
        is(handshake($g, $pki, 'second'), 'certificate-revoked', 'who is revoked does not come back');
        is(handshake($g, $pki, 'master'), 'open', 'others do');
        ok(wait_reload($g, 1), 'the reload is recorded');
        my ($file) = grep { $_->{event} eq 'tls.trust-file' } records($g->{dir});
        is($file && "$file->{why} $file->{sha256}", 'crl ' . Digest::SHA::sha256_hex(slurp("$pki/ca.crl")), 'with the hash of the list');
        is_deeply([ log_faults($g->{dir}) ], [], 'the log is whole');
        stop_process($g->{gate}, 'TERM');
    };
}

subtest 'a certificate expires while its session runs' => sub {
    my $pki = new_pki();
    issue($pki, 'short', life => 4);
    my $g = start($pki, tls => { revalidate_interval => 1 });
    my $short = session($g, $pki, 'short');
    my $good  = session($g, $pki, 'master');
    ok($short && $good, 'two sessions');
    ok($short->ended(20), 'its session ends');
    is_deeply([ story($g, $short) ], [ 'tls.certificate-invalid certificate-expired IEC62351-3:2.8', 'session.close certificate-expired' ],
              'with its records');
    ok(flows($good), 'the other lives on');
    stop_process($g->{gate}, 'TERM');
};

done_testing;
