#!/usr/bin/perl
# Certificates, trust anchors and revocation lists that change while sessions run: who is
# revoked or expired goes, everybody else stays, and what is not good is not used.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
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
        # No word comes from the kernel for what a link points to: then it is the signal.
        mkdir "$pki/links" and symlink "$pki/ca.crl", "$pki/links/ca.crl";
        my $g = start($pki, limits => "sessions_per_worker = $pool; spare_workers = 2;",
                      $signal ? (tls => { crl => ["$pki/links/ca.crl"] }) : ());
        my $reloads = 0;
        if ($signal) {
            kill 'HUP', $g->{gate}{pid};
            ok(wait_reload($g, ++$reloads), 'a reload without changes');
        }
        my $bad  = session($g, $pki, 'second', version => $version);
        my $good = session($g, $pki, 'master', version => $version);
        ok($bad && $good, 'two sessions');
        is($good->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'with commands');
        revoke($pki, 'second');
        new_crl($pki);
        kill 'HUP', $g->{gate}{pid} if $signal;
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
        ok(wait_reload($g, ++$reloads), 'the reload is recorded');
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

subtest 'the certificate of the station is revoked, gate104 being the client' => sub {
    my $pki = new_pki();
    for my $version ('1.2', '1.3') {
        issue($pki, 'outstation', extensions => 'v3_server');
        my $tls = start_rtu('--tls', '--tls-min', $version, '--tls-max', $version, '--ca-file', "$pki/ca.crt", '--cert', "$pki/outstation.crt",
                            '--key', "$pki/outstation.key");
        my $g = start_route({ mode => 'wrap-master', remote => ["127.0.0.1:$tls->{port}"], peer_name => 'station.lab' },
                            pki => $pki, tls => { cert => "$pki/master.crt", key => "$pki/master.key" });
        my $m = Raw104->connect($g->{port});
        ok($m && $m->start && $m->command($Raw104::SINGLE_ON) eq $Raw104::SINGLE_CON, "a session with commands, TLS $version");
        revoke($pki, 'outstation', 'cessationOfOperation');
        new_crl($pki);
        ok($m->ended, 'the master is let go');
        ok(wait_for_text($tls->{out}, qr/"event":"closed"/), 'and the station');
        is_deeply([ story($g, $m) ],
                  [ 'tls.certificate-invalid certificate-revoked IEC62351-3:2.4', 'session.close certificate-revoked IEC62351-3:1.8' ],
                  'with the records');
        my ($close) = grep { $_->{event} eq 'session.close' } records($g->{dir});
        is($close->{leg}, 'station', 'which name the side');
        stop_process($g->{gate}, 'TERM');
    }
};

subtest 'what ends soon is told' => sub {
    my $pki = new_pki();
    issue($pki, 'station', extensions => 'v3_server', life => 86400 * 6 + 3600);
    my $g = start($pki);
    my $told = sub { join ' ', map { "$_->{event} $_->{why}" } grep { $_->{event} =~ /^tls\.expire/ } records($g->{dir}) };
    # Nothing is told of a certificate that was made for a week, as the end shows; now as if
    # it had been made long ago.
    ca($pki, qw(-batch -notext -extensions v3_server -in station.csr -out station.crt -startdate), asn1_time(-86400 * 300), '-enddate',
       asn1_time(86400 * 6 + 3600));
    my $hup = sub { kill 'HUP', $g->{gate}{pid}; wait_reload($g, $_[0]) };
    ok($hup->(1), 'a certificate that was made long ago');
    is(wait_until($told), 'tls.expires-soon certificate', 'which soon ends, is told of');
    like(slurp($g->{gate}{err}), qr/CN=station\.lab\S* \S+ ends in 6 days: \S+station\.crt$/m, 'to the operator, too');
    new_crl($pki, late => 60);
    ok(wait_until(sub { $told->() =~ /tls\.expired crl$/ }), 'and so is a list that is over');
    $hup->(3);
    is($told->(), 'tls.expires-soon certificate tls.expired crl', 'each once');
    stop_process($g->{gate}, 'TERM');
};

# ---- lists that are late, missing or wrong ----

# Late by an hour; what becomes of a handshake, and of a command.
for my $case ([ 'as it is by default', {}, 'open', 'con' ],
              [ 'refuse, within the grace period', { crl_stale => 'refuse', crl_grace => 7200 }, 'open', 'con' ],
              [ 'refuse', { crl_stale => 'refuse', crl_grace => 0 }, 'crl-stale' ],
              [ 'monitor-only', { crl_stale => 'monitor-only', crl_grace => 0 }, 'open', 'neg' ]) {
    my ($what, $tls, $handshake, $command) = @$case;
    subtest "a list out of date: $what" => sub {
        my $pki = new_pki();
        my $g   = start($pki, tls => $tls);
        my $before = session($g, $pki, 'master');
        is($before->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'a session from before');
        new_crl($pki, late => 3600);
        ok(wait_reload($g, 1), 'it is taken');
        my $now = session($g, $pki, 'master');
        if ($command) {
            ok($now && flows($now), 'a new session opens');
            my $late = wait_until(sub { (grep { $_->{event} eq 'tls.crl-stale' } records_of_client($g->{dir}, $now->{port}))[0] });
            is($late && $late->{iec62351}, 'IEC62351-3:2.6', 'with a warning');
            is($now->command($Raw104::SINGLE_ON), $command eq 'con' ? $Raw104::SINGLE_CON : $Raw104::SINGLE_NEG, "its command: $command");
        }
        else {
            is(handshake($g, $pki, 'master'), 'crl-stale', 'a new session is refused');
        }
        is($before->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'the one from before goes on, with its commands');
        is(handshake($g, $pki, 'revoked'), 'certificate-revoked', 'what it revokes stays revoked');
        if ($command && $command eq 'neg') {
            my ($open) = grep { $_->{event} eq 'session.open' } records_of_client($g->{dir}, $now->{port});
            is($open->{mode}, 'monitor-only', 'the record of the session says so');
            my ($r) = grep { $_->{event} eq 'policy.refused' } records($g->{dir});
            is($r && $r->{why}, 'crl-stale', 'and that of the command');
            new_crl($pki);
            ok(wait_reload($g, 2), 'a new list');
            ok(wait_until(sub { $now->command($Raw104::SINGLE_ON) eq $Raw104::SINGLE_CON }), 'gives it its commands');
        }
        stop_process($g->{gate}, 'TERM');
    };
}

subtest 'lists of several CAs in a folder' => sub {
    my $pki = new_pki();
    mkdir "$pki/lists";
    my $other = sub { ca($pki, qw(-gencrl -out new.crl -cert other-ca.crt -keyfile other-ca.key), @_); rename "$pki/new.crl", "$pki/lists/other.pem" };
    new_crl($pki, to => "$pki/lists/ca.crl");
    my $g = start($pki, tls => { crl => ["$pki/lists"], ca => [ "$pki/ca.crt", "$pki/other-ca.crt" ] });
    my $good = session($g, $pki, 'master');
    ok($good, 'a session of the first CA');
    is(handshake($g, $pki, 'foreign'), 'no-crl', 'none of the second, whose list is missing');
    $other->();
    ok(wait_reload($g, 1), 'its list comes');
    my $foreign = session($g, $pki, 'foreign');
    ok($foreign && flows($foreign), 'and so do its peers');
    unlink "$pki/lists/other.pem";
    my $r = wait_reload($g, 2);
    ok($r, 'its list goes away');
    my ($gone) = grep { $_->{event} eq 'tls.trust-file' && $_->{why} eq 'removed' } records($g->{dir});
    like($gone->{detail}, qr{/lists/other\.pem$}, 'which is recorded');
    my ($warned) = wait_until(sub { (grep { $_->{event} eq 'tls.no-crl' } records_of_client($g->{dir}, $foreign->{port}))[0] });
    is($warned && $warned->{iec62351}, 'IEC62351-3:2.5', 'the running session gets a warning');
    ok(flows($_), 'and goes on') for $good, $foreign;
    is(handshake($g, $pki, 'foreign'), 'no-crl', 'a new one is refused');
    spew("$g->{dir}/gate104.conf", slurp("$g->{dir}/gate104.conf") =~ s/(tls = \{)/$1 crl_missing = "allow-and-warn";/r);
    kill 'HUP', $g->{gate}{pid};
    ok(wait_reload($g, 3), 'crl_missing becomes allow-and-warn');
    is(handshake($g, $pki, 'foreign'), 'open', 'and it is let in');
    is(handshake($g, $pki, 'revoked'), 'certificate-revoked', 'who is revoked is not');
    stop_process($g->{gate}, 'TERM');
};

subtest 'what is no good list is not used' => sub {
    my $pki = new_pki();
    my $g    = start($pki);
    my $good = session($g, $pki, 'master');
    my $whole = slurp("$pki/ca.crl");
    # A CA of the same name with another key.
    run_command([ 'sh', '-c', 'cd "$1" && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout twin.key '
        . '-days 9 -config ca.cnf -extensions v3_ca -subj "/O=gate104 lab/CN=gate104 lab CA" -out twin.crt', 'sh', $pki ]);
    spew("$pki/ca.cnf", slurp("$pki/ca.cnf") . "[delta]\n2.5.29.27 = critical,DER:020101\n");
    my %make = (
        'garbage'           => [ sub { 'no list at all' }, qr/not a PEM file/ ],
        'half of it'        => [ sub { substr $whole, 0, length($whole) / 2 }, qr/cannot be read|holds no/ ],
        'of an unknown CA'  => [ sub { ca($pki, qw(-gencrl -out x.crl -cert other-ca.crt -keyfile other-ca.key)); slurp("$pki/x.crl") }, qr/not among the CAs/ ],
        'a wrong signature' => [ sub { ca($pki, qw(-gencrl -out x.crl -cert twin.crt -keyfile twin.key)); slurp("$pki/x.crl") }, qr/signature .* is wrong/ ],
        'a delta list'      => [ sub { ca($pki, qw(-gencrl -out x.crl -crlexts delta)); slurp("$pki/x.crl") }, qr/delta list/ ],
        'a private key'     => [ sub { slurp("$pki/master.key") }, qr/private key/ ],
    );
    my $n = 0;
    for my $what (sort keys %make) {
        my ($text, $why) = @{ $make{$what} };
        spew("$pki/spoilt", $text->());
        rename "$pki/spoilt", "$pki/ca.crl";
        my $r = wait_reload($g, ++$n, 'reload-failed');
        like($r && "$r->{why} $r->{detail}", qr/^tls\.crl .*$why/, $what);
        like($r && $r->{detail}, qr/ca\.crl/, 'the record names the file');
        is(handshake($g, $pki, 'revoked'), 'certificate-revoked', 'the old list stays in use');
        ok(flows($good), 'the session lives on');
    }
    is(scalar(reloads($g, 'reload')), 0, 'none was taken');
    like(slurp($g->{gate}{err}), qr/ALARM: what changed of the revocation lists is not used/, 'the operator is told');
    unlink "$pki/ca.crl";
    ok(wait_reload($g, ++$n, 'reload-failed'), 'gone altogether');
    new_crl($pki);
    kill 'HUP', $g->{gate}{pid};
    ok(wait_reload($g, 1), 'a good one is');
    stop_process($g->{gate}, 'TERM');
};

# ---- certificates and keys ----

sub station_of { my ($s) = @_; return Net::SSLeay::X509_get_fingerprint($s->{sock}->peer_certificate, 'sha256') }

for my $pool (1, 8) {
    subtest "a new certificate and key, $pool sessions in a process" => sub {
        my $pki = new_pki();
        my $g = start($pki, limits => "sessions_per_worker = $pool; spare_workers = 2;");
        my $old = session($g, $pki, 'master');
        my $certificate = station_of($old);
        my ($signer) = proc_of_role($g->{gate}, 'signer');

        rename "$pki/station.crt", "$pki/good.crt";
        spew("$pki/station.crt", slurp("$pki/master.crt"));
        kill 'HUP', $g->{gate}{pid};
        my $r = wait_reload($g, 1, 'reload-failed');
        like($r && $r->{detail}, qr/not the private key|not for TLS servers/, 'a certificate that does not fit is not used');
        is(station_of(session($g, $pki, 'master') // die), $certificate, 'the old one is');

        issue($pki, 'station', extensions => 'v3_server');
        kill 'HUP', $g->{gate}{pid};
        ok(wait_reload($g, 1), 'one that does is');
        ok(flows($old), 'running sessions go on');
        is($old->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'with their commands');
        for my $version ('TLSv1_2', 'TLSv1_3') {
            my $new = session($g, $pki, 'master', version => $version);
            ok($new && station_of($new) ne $certificate, "new ones get it, $version");
            is($new && $new->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'and work');
        }
        ok(wait_until(sub { join(' ', map { role_of($_) } proc_of_role($g->{gate}, 'signer')) eq 'signer-1' }), 'the signer with the old key is gone');
        is(scalar(grep { $_->{event} eq 'system.process-died' } records($g->{dir})), 0, 'which is no accident');
        my ($now) = proc_of_role($g->{gate}, 'signer');
        kill 'KILL', $now;
        ok(wait_until(sub { my ($s) = proc_of_role($g->{gate}, 'signer'); $s && $s != $now }), 'if the new one dies');
        ok(wait_until(sub { my $s = session($g, $pki, 'master'); $s && station_of($s) ne $certificate }), 'it is started again with its keys');
        ok(flows($old), 'the first session never noticed');
        stop_process($g->{gate}, 'TERM');
    };
}

# Handshakes before, during and after each change-over: nobody notices.
subtest 'new keys again and again' => sub {
    my $pki = new_pki();
    my $g   = start_route({ %{ route() }, max_sessions => 64 }, pki => $pki,
                          limits => 'sessions_per_worker = 2; spare_workers = 2; handshakes_per_source = 64;');
    my @stations = map { issue($pki, "station$_", extensions => 'v3_server'); "station$_" } 1 .. 6;
    my $first = session($g, $pki, 'master');
    my (@lost, @open, @half);
    for my $station (@stations) {
        my $half = Raw104->connect($g->{port});    # says nothing until it is all over
        rename "$pki/$station.$_", "$pki/station.$_" for qw(key crt);
        kill 'HUP', $g->{gate}{pid};
        for my $n (1 .. 4) {
            my $s = session($g, $pki, 'master', version => $n % 2 ? 'TLSv1_2' : 'TLSv1_3');
            $s && $s->command($Raw104::SINGLE_ON) eq $Raw104::SINGLE_CON ? push @open, $s : push @lost, "$station $n";
        }
        push @half, $half;
    }
    $_->close for @half;
    is("@lost", '', 'every handshake succeeds, with commands behind it');
    ok(wait_until(sub { (reloads($g, 'reload'))[-1] && scalar(proc_of_role($g->{gate}, 'signer')) == 1 }), 'one signer is left');
    ok(flows($first), 'the first session lives on');
    # What the others' commands have changed waits for room among k frames.
    $first->send($first->ack) && flows($first) for 1 .. 4;
    is($first->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'with its commands');
    is(join(', ', map { "$_->{event} " . ($_->{why} // '') } grep { $_->{event} =~ /died|violation|failed|certificate-invalid/ && ($_->{why} // '') ne 'peer-closed' }
            records($g->{dir})), '', 'and nothing went wrong');
    stop_process($g->{gate}, 'TERM');
};

subtest 'what a reload does not change' => sub {
    my $pki = new_pki();
    my $g    = start($pki);
    my $good = session($g, $pki, 'master');
    my $conf = slurp("$g->{dir}/gate104.conf");
    my $said = sub { my ($re) = @_; wait_for_text($g->{gate}{err}, $re) };
    my @tries = ([ 'a line that is wrong', $conf . "tiger = 1;\n", qr/tiger/ ],
                 [ 'another route', $conf =~ s/^(\s+\{.*)\n\);/$1,\n$1\n);/mr =~ s/name = "r"/name = "s"/r, qr/./ ],
                 [ 'a CA that is none', $conf =~ s/ca\.crt/station.crt/r, qr/is not a CA/ ]);
    my $n = 0;
    for (@tries) {
        my ($what, $text, $re) = @$_;
        spew("$g->{dir}/gate104.conf", $text);
        kill 'HUP', $g->{gate}{pid};
        my $r = wait_reload($g, ++$n, 'reload-failed');
        like($r && "$r->{why}: $r->{detail}", $re, "$what: nothing changes, with the reason");
    }
    spew("$g->{dir}/gate104.conf", "limits = { handshake = 7; };\n$conf");
    kill 'HUP', $g->{gate}{pid};
    my $r = wait_reload($g, 1);
    like($r && $r->{detail}, qr/restart to use the new limits$/, 'what needs a restart is named');
    ok(flows($good), 'the session lives on');
    is($good->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'with its commands');
    stop_process($g->{gate}, 'TERM');
};

done_testing;
