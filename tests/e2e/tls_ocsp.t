#!/usr/bin/perl
# Certificate status by OCSP: gate104 asks Debian's `openssl ocsp` and responders that lie,
# are slow or are not there; what that does to sessions, and to the log (IEC 62351-3
# clause 6.4.4, IEC 62351-9).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Test::More;

my $pki = pki();
my $own = scratch();    # what this test adds to the lab's PKI

# A certificate of this CA (or of another) for answering, with or without the right to.
sub issue {
    my ($name, $eku, $ca) = (@_, 'ca')[0 .. 2];
    spew("$own/$name.ext", "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
        . "extendedKeyUsage=$eku\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n");
    for ([ qw(openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj), "/CN=$name.lab",
           '-keyout', "$own/$name.key", '-out', "$own/$name.csr" ],
         [ qw(openssl x509 -req -days 30 -sha256 -in), "$own/$name.csr", '-CA', "$pki/$ca.crt", '-CAkey',
           "$pki/$ca.key", '-set_serial', 900 + length $name, '-extfile', "$own/$name.ext", '-out', "$own/$name.crt" ]) {
        my ($status, undef, $err) = run_command($_);
        die "issue $name: $err" if $status != 0;
    }
}
spew("$own/$_.txt.attr", "unique_subject = no\n") for qw(index revoked);
issue('helper', 'OCSPSigning');
issue('impostor', 'clientAuth');
issue('outsider', 'OCSPSigning', 'other-ca');

# Debian's responder, signing with a certificate; {pid, port}.
sub responder {
    my ($signer, $index) = (@_, "$pki/index.txt")[0, 1];
    my $port = free_port();
    my $p = spawn_process([ qw(openssl ocsp -ignore_err -text -nmin 60 -port), $port, '-index', $index, '-CA', "$pki/ca.crt",
                            '-rsigner', "$own/$signer.crt", '-rkey', "$own/$signer.key" ]);
    wait_for_text($p->{err}, qr/waiting for OCSP client|Waiting for/i) || wait_for_text($p->{out}, qr/./, 1);
    $p->{port} = $port;
    return $p;
}

# One that takes each request, writes it down, says always the same octets (or nothing) and
# closes (or does not).
my $PUPPET = spew("$own/puppet.pl", <<'P');
use strict; use warnings; use IO::Socket::INET; $| = 1;
my ($port, $say, $hold, $log) = @ARGV;
my $l = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1', LocalPort => $port, ReuseAddr => 1) or die $!;
print "up\n";
$SIG{PIPE} = 'IGNORE';
my @held;
while (my $c = $l->accept) {
    my $request = '';
    while ($request !~ /\r\n\r\n/ && $c->sysread($request, 65536, length $request)) {}
    my ($n) = $request =~ /^Content-Length: (\d+)\r$/m;
    my ($head, $body) = split /\r\n\r\n/, $request, 2;
    while (length $body < ($n // 0) && $c->sysread($body, 65536, length $body)) {}
    open my $f, '>>', $log; print $f $head =~ s/\r\n/|/gr, ' ', unpack('H*', $body), "\n"; close $f;
    my $octets = do { local (@ARGV, $/) = $say; <> } // '';
    $c->syswrite($octets) if length $octets;
    if ($hold) { push @held, $c } else { $c->close }
}
P
my $puppets = 0;
sub puppet {
    my ($octets, $hold) = (@_, 0);
    my $n = ++$puppets;
    my $port = free_port();
    open my $f, '>:raw', "$own/say.$n"; print $f $octets; close $f;
    my $p = spawn_process([ $^X, $PUPPET, $port, "$own/say.$n", $hold, "$own/log.$n" ]);
    wait_for_text($p->{out}, qr/up/) or die slurp($p->{err});
    return { %$p, port => $port, log => "$own/log.$n", say => "$own/say.$n" };
}

sub http {
    my ($body, %o) = @_;
    my $type = $o{type} // 'application/ocsp-response';
    return "HTTP/1.0 200 OK\r\nContent-Type: $type\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
}

# The answer of a responder about a certificate, in DER.
sub answer_about {
    my ($name, $signer, $index) = ($_[0], $_[1] // 'helper', $_[2] // "$pki/index.txt");
    my ($status, $out, $err) = run_command([ qw(openssl ocsp -sha1 -nmin 60 -index), "$pki/index.txt", '-CA', "$pki/ca.crt",
        '-rsigner', "$own/$signer.crt", '-rkey', "$own/$signer.key", '-issuer', "$pki/ca.crt", '-cert', "$pki/$name.crt",
        '-reqout', "$own/$name.req", '-respout', "$own/ignored" ]);
    ($status, $out, $err) = run_command([ qw(openssl ocsp -nmin 60 -index), $index, '-CA', "$pki/ca.crt",
        '-rsigner', "$own/$signer.crt", '-rkey', "$own/$signer.key", '-reqin', "$own/$name.req", '-respout', "$own/$name.resp" ])
        if -s "$own/$name.req";
    my $der = slurp("$own/$name.resp");
    die "no answer about $name: $out$err" if $der eq '';
    return $der;
}

my $rtu = start_rtu();

sub ocsp { my (%o) = @_; return \('{ ' . join('', map { my $v = $o{$_};
    "$_ = " . ($v =~ /^(?:\d+|true|false)$/ ? $v : qq("$v")) . '; ' } sort keys %o) . '}') }

# gate104 in front of the RTU with a responder at PORT.
sub route {
    my ($port, %o) = @_;
    return start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"] },
        limits => 'handshakes_per_source = 64; ' . (delete $o{limits} // ''),
        tls => { crl => [], ocsp => ocsp(url => "http://127.0.0.1:$port/status", timeout => 5, %o) });
}

# A whole session of a master with this certificate; true if it got its answers.
sub session {
    my ($r, $name) = (@_, 'master');
    return run_master($r->{port}, tls_client($pki, $name), 'gi')->{status} == 0;
}

sub warned { my ($r, $event) = @_; return wait_record($r->{dir}, { event => "tls.ocsp-$event" }) }

subtest 'a real responder' => sub {
    my $p = responder('helper');
    my $r = route($p->{port});
    ok(session($r), 'a good certificate is served');
    ok(!session($r, 'revoked'), 'a revoked one is not');
    my $why = wait_record($r->{dir}, { event => 'tls.handshake-failed' });
    like(join(' ', map { "$_" } values %$why), qr/certificate-revoked/, 'the log says revoked') or diag explain $why;
    like(join(' ', map { "$_" } values %$why), qr/OCSP/, 'and by whom it was told');
    ok(session($r), 'the good one is served again');
    is(scalar(grep { $_->{event} =~ /^tls\.ocsp/ } records($r->{dir})), 0, 'without any warning');
    is(scalar(grep { $_->{event} eq 'session.dial-failed' } records($r->{dir})), 0, 'the RTU was not troubled');
    stop_process($r->{gate}, 'TERM');
};

subtest 'a certificate that the responder does not know' => sub {
    my $serial = (run_command([ qw(openssl x509 -noout -serial -in), "$pki/master.crt" ]))[1] =~ s/serial=(\w+)\n/$1/r;
    spew("$own/index.txt", join '', grep { !/\t$serial\t/ } map { "$_\n" } split /\n/, slurp("$pki/index.txt"));
    my $p = responder('helper', "$own/index.txt");
    my $r = route($p->{port});
    ok(session($r), 'is served');
    ok(warned($r, 'unknown'), 'with a warning');
    stop_process($r->{gate}, 'TERM');
    $r = route($p->{port}, required => 'true');
    ok(!session($r), 'and refused where an answer is required');
    ok(wait_record($r->{dir}, { event => 'tls.handshake-failed' }), '... with a record');
    stop_process($r->{gate}, 'TERM');
};

my $good  = answer_about('master');
my $other = answer_about('station');
my @bad = (
    [ 'another certificate replayed' => http($other),                        'bad' ],
    [ 'signed by one without the right' => http(answer_about('master', 'impostor')), 'bad' ],
    [ 'signed by one of another CA'  => http(answer_about('master', 'outsider')), 'bad' ],
    [ 'a bit turned'                 => http(do { my $b = $good; substr($b, -200, 1) ^= "\1"; $b }), 'bad' ],
    [ 'no DER'                       => http('nonsense'),                     'bad' ],
    [ 'an octet too many'            => http($good . "\0"),                   'bad' ],
    [ 'tryLater'                     => http("\x30\x03\x0a\x01\x03"),         'unavailable' ],
    [ 'huge'                         => http('x' x 20_000),                   'unavailable' ],
    [ 'endless'                      => "HTTP/1.0 200 OK\r\nContent-Type: application/ocsp-response\r\n\r\n" . 'x' x 100_000, 'unavailable' ],
    [ 'cut off'                      => substr(http($good), 0, -10),          'unavailable' ],
    [ 'another type'                 => http($good, type => 'text/html'),     'unavailable' ],
    [ 'an HTTP error'                => "HTTP/1.0 503 Later\r\nContent-Length: 0\r\n\r\n", 'unavailable' ],
    [ 'no HTTP'                      => "220 smtp ready\r\n",                 'unavailable' ],
    [ 'nothing'                      => '',                                   'unavailable' ],
);
for (@bad) {
    my ($name, $octets, $event) = @$_;
    subtest "an answer: $name" => sub {
        my $p = puppet($octets);
        my $r = route($p->{port});
        ok(session($r), 'the certificate is taken as good');
        ok(warned($r, $event), "the log warns: $event")
            or diag join "\n", map { "$_->{event} " . ($_->{detail} // '') } records($r->{dir});
        stop_process($r->{gate}, 'TERM');
    };
}

subtest 'required' => sub {
    for (@bad[ 0, 3, 6, 13 ]) {
        my $p = puppet($_->[1]);
        my $r = route($p->{port}, required => 'true');
        ok(!session($r), "refused: $_->[0]");
        my $record = wait_record($r->{dir}, { event => 'tls.handshake-failed' });
        like(join(' ', values %{ $record // {} }), qr/ocsp-required/, '... and logged');
        stop_process($r->{gate}, 'TERM');
    }
    my $p = responder('helper');
    my $r = route($p->{port}, required => 'true');
    ok(session($r), 'a good answer is enough');
    stop_process($r->{gate}, 'TERM');
};

subtest 'nobody there' => sub {
    my $r = route(free_port());
    ok(session($r), 'the certificate is taken as good');
    ok(warned($r, 'unavailable'), 'with a warning');
    ok(wait_for_text("$r->{dir}/gate104d.err", qr/the OCSP responder 127\.0\.0\.1:\d+ cannot be reached/), 'the operator is told');
    stop_process($r->{gate}, 'TERM');
};

subtest 'one that takes the question and says nothing' => sub {
    my $p = puppet('', 1);
    my $r = route($p->{port}, timeout => 1, limits => 'sessions_per_worker = 8;');
    # Other sessions of the same worker go on meanwhile.
    ok(session($r), 'the certificate is taken as good, after the time-out');
    ok(warned($r, 'unavailable'), 'with a warning');
    my @requests = split /\n/, slurp($p->{log});
    ok(session($r), 'the next session does not wait for it again');
    is(scalar(split /\n/, slurp($p->{log})), scalar @requests, '... nor is it asked again so soon');
    stop_process($r->{gate}, 'TERM');
};

subtest 'what is asked' => sub {
    my $p = puppet(http($good));
    my $r = route($p->{port}, staple => 'false');
    ok(session($r), "session $_") for 1 .. 3;
    my @requests = split /\n/, slurp($p->{log});
    is(scalar @requests, 1, 'the answer is kept: one question for three sessions');
    like($requests[0], qr{^POST /status HTTP/1\.0\|Host: 127\.0\.0\.1:$p->{port}\|Content-Type: application/ocsp-request\|Content-Length: \d+\|},
        'an HTTP request to the responder of the configuration');
    open my $f, '>:raw', "$own/asked.der"; print $f pack 'H*', $requests[0] =~ s/.* //r; close $f;
    my (undef, $text) = run_command([ qw(openssl ocsp -req_text -reqin), "$own/asked.der" ]);
    my $serial = (run_command([ qw(openssl x509 -noout -serial -in), "$pki/master.crt" ]))[1] =~ s/serial=(\w+)\n/$1/r;
    like($text, qr/Serial Number: $serial/i, 'about the peer');
    stop_process($r->{gate}, 'TERM');

    $p = puppet(http($other));
    $r = route($p->{port}, staple => 'false');
    ok(session($r), "session $_") for 1 .. 2;
    @requests = split /\n/, slurp($p->{log});
    is(scalar @requests, 2, 'an answer that was no good is asked for again');
    stop_process($r->{gate}, 'TERM');
};

subtest 'revoked while the session runs' => sub {
    my $serial = (run_command([ qw(openssl x509 -noout -serial -in), "$pki/master.crt" ]))[1] =~ s/serial=(\w+)\n/$1/r;
    spew("$own/revoked.txt", slurp("$pki/index.txt") =~ s/^V\t(\w+)\t\t($serial)\t/R\t$1\t240101000000Z,keyCompromise\t$2\t/mr);
    my $revoked = answer_about('master', 'helper', "$own/revoked.txt");
    my $p = puppet(http($good));
    my $r = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"] },
        tls => { crl => [], revalidate_interval => 1, ocsp => ocsp(url => "http://127.0.0.1:$p->{port}", refresh => 1, staple => 'false') });
    my $m = spawn_process([ bin('gate104-sim'), 'master', '--json', '--connect', "127.0.0.1:$r->{port}", tls_client($pki),
                            'gi', 'wait 60' ]);
    ok(wait_record($r->{dir}, { event => 'session.open' }), 'a session');
    ok(wait_until(sub { (my @n = split /\n/, slurp($p->{log})) > 2 }), 'while it runs the responder is asked again');
    ok(alive($m), '... and as long as it says good nothing happens');
    open my $f, '>:raw', "$p->{say}.new"; print $f http($revoked); close $f;
    rename "$p->{say}.new", $p->{say};
    my $end = wait_record($r->{dir}, { event => 'session.close' });
    is($end && $end->{why}, 'certificate-revoked', 'when it says revoked the session ends');
    my $why = wait_record($r->{dir}, { event => 'tls.certificate-invalid' });
    like($why && $why->{detail}, qr/OCSP: revoked, keyCompromise/, 'and the log says by whom, and why');
    stop_process($m, 'TERM');
    stop_process($r->{gate}, 'TERM');
};

subtest 'a staple of our own' => sub {
    my $p = responder('helper');
    my $r = route($p->{port}, mode => 'off');
    for my $version (qw(tls1_2 tls1_3)) {
        my $out;
        ok(wait_until(sub {
            (undef, $out) = run_command([ qw(openssl s_client -status -connect), "127.0.0.1:$r->{port}", "-$version", '-CAfile', "$pki/ca.crt",
                '-cert', "$pki/master.crt", '-key', "$pki/master.key" ]);
            $out =~ /OCSP Response Status: successful/ }), "$version: who asks gets it");
        like($out, qr/Cert Status: good/, '... and it is good');
    }
    my (undef, $out) = run_command([ qw(openssl s_client -connect), "127.0.0.1:$r->{port}", '-CAfile', "$pki/ca.crt",
        '-cert', "$pki/master.crt", '-key', "$pki/master.key" ]);
    unlike($out, qr/OCSP Response Status/, 'who does not ask does not');
    ok(session($r, 'revoked'), 'with mode "off" nobody is asked about peers');
    stop_process($r->{gate}, 'TERM');
};

subtest 'a staple of the station, in wrap-master' => sub {
    my $p = puppet('', 0);
    for my $case ([ station => 1 ], [ revoked => 0 ]) {
        my ($name, $serves) = @$case;
        my $staple = answer_about($name);
        open my $f, '>:raw', "$own/staple.der"; print $f $staple; close $f;
        my $tls = free_port();
        my $server = spawn_process([ qw(openssl s_server -quiet -tls1_2 -port), $tls, '-cert', "$pki/$name.crt", '-key', "$pki/$name.key",
            '-CAfile', "$pki/ca.crt", '-Verify', 2, '-status_file', "$own/staple.der" ]);
        wait_until(sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $tls) });
        my $port = free_port();
        my $dir = write_config(tls => { cert => "$pki/master.crt", key => "$pki/master.key", crl => [],
                ocsp => ocsp(url => "http://127.0.0.1:$p->{port}") },
            routes => [ { name => 'w', mode => 'wrap-master', listen => ["127.0.0.1:$port"], remote => ["127.0.0.1:$tls"],
                          peer_name => 'station.lab' } ]);
        my $gate = start_gate104($dir);
        my $c = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
        my $record = wait_record($dir, $serves ? { event => 'session.open' } : { event => 'tls.handshake-failed' });
        ok($record, "$name: " . ($serves ? 'served' : 'refused'));
        like(join(' ', values %{ $record // {} }), qr/revoked/, '... as revoked') if !$serves;
        is(scalar(grep { $_->{event} =~ /^tls\.ocsp/ } records($dir)), 0, '... without asking the responder');
        stop_process($gate, 'TERM');
        stop_process($server, 'TERM');
    }
};

subtest 'the fetcher dies' => sub {
    my $p = responder('helper');
    my $r = route($p->{port});
    my ($pid) = proc_of_role($r->{gate}, 'fetcher');
    ok($pid, 'there is one');
    kill 'KILL', $pid;
    ok(wait_until(sub { my ($new) = proc_of_role($r->{gate}, 'fetcher'); $new && $new != $pid }), 'it is started again');
    ok(wait_until(sub { !session($r, 'revoked') }), 'and answers again');
    is(stop_process($r->{gate}, 'TERM'), 0, 'an orderly end');
};

subtest 'without a responder' => sub {
    my $r = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"] });
    is(scalar(proc_of_role($r->{gate}, 'fetcher')), 0, 'there is no fetcher');
    stop_process($r->{gate}, 'TERM');
};

done_testing;
