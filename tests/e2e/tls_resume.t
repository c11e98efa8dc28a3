#!/usr/bin/perl
# Sessions that go on from earlier ones, in other processes than these; and all that must
# lead to a full handshake, or to none.  The client is openssl s_client.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use MIME::Base64;
use POSIX qw(strftime);
use Test::More;
use Time::HiRes qw(sleep time);

my $rtu = start_rtu();

# A PKI that the test may change.
sub own_pki {
    my $dir = scratch();
    system('cp', '-r', pki() . '/.', $dir) == 0 or die 'cp';
    return $dir;
}

sub route {
    my (%o) = @_;
    my $tls = delete $o{tls};
    return start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"] },
                       tls => { resumption => \'true', %{ $tls // {} } }, %o);
}

sub starts { my ($g) = @_; return grep { $_->{event} eq 'session.open' } records($g->{dir}) }
sub failed { my ($g) = @_; return grep { $_->{event} eq 'tls.handshake-failed' } records($g->{dir}) }

my $n = 0;

# A session up to STARTDT con, with the certificate NAME, then an end without ceremony, as
# stations make it.  {reused, session: its file, open: its record, failed: or that one}.
sub session {
    my ($g, $version, %o) = @_;
    my $pki  = $o{pki} // pki();
    my $name = $o{name} // 'master';
    my $file = "$g->{dir}/session-" . ++$n;
    my $opened = starts($g);
    my $failed = failed($g);
    my $c = spawn_process([ 'openssl', 's_client', '-connect', "127.0.0.1:$g->{port}", '-CAfile', "$pki/ca.crt", '-ign_eof',
                            "-tls1_$version", '-cert', "$pki/$name.crt", '-key', "$pki/$name.key", '-sess_out', $file,
                            ($o{resume} ? ('-sess_in', $o{resume}) : ()), @{ $o{options} // [] } ],
                          in => spew("$g->{dir}/startdt", pack 'H*', '680407000000'));
    my $done = wait_until(sub { slurp($c->{out}) =~ /h\x04\x0b\0\0\0/ || failed($g) > $failed || !alive($c) });
    stop_process($c, 'TERM');
    my $out = slurp($c->{out});
    wait_until(sub { starts($g) > $opened || failed($g) > $failed }) if $done;
    return { reused => $out =~ /^Reused, TLS/m ? 1 : $out =~ /^New, TLS/m ? 0 : undef, session => -s $file ? $file : $o{resume},
             open => scalar((starts($g))[$opened]), failed => scalar((failed($g))[$failed]), out => $out . slurp($c->{err}) };
}

sub handshake_of {
    my ($s) = @_;
    return $s->{failed} ? $s->{failed}{why} : !$s->{open} ? 'nothing' : ($s->{open}{tls_handshake} // 'full');
}

# The session file with another id in place of the one of this pattern.
sub forge {
    my ($file, $before, $id) = @_;
    my $pem = slurp($file);
    my ($text) = $pem =~ /-----\n(.*?)\n-----/s or die 'no PEM';
    my $der = decode_base64($text);
    $der =~ s/($before)(.{32})/$1$id/s or die 'no id in the session';
    return spew("$file.forged", "-----BEGIN SSL SESSION PARAMETERS-----\n" . encode_base64($der) . "-----END SSL SESSION PARAMETERS-----\n");
}
my %ID = (2 => qr/\x04\x02..\x04\x20/s, 3 => qr/\xaa\x22\x04\x20/);

for my $version (2, 3) {
    subtest "TLS 1.$version" => sub {
        my $g = route();
        my @workers = proc_of_role($g->{gate}, 'tls');
        my $first = session($g, $version);
        is(handshake_of($first), 'full', 'the first handshake is full');
        ok(wait_until(sub { my %now = map { $_ => 1 } proc_of_role($g->{gate}, 'tls'); grep { !$now{$_} } @workers }),
           'its process has ended');
        my $second = session($g, $version, resume => $first->{session});
        is($second->{reused}, 1, 'another process resumes it');
        is(handshake_of($second), 'resumed', 'the log says so');
        my @who = qw(subject issuer serial fingerprint_sha256 san tls_version tls_suite);
        is(join('|', map { $second->{open}{$_} // '-' } @who), join('|', map { $first->{open}{$_} // '-' } @who), 'and who it is, as before');

        my $again = session($g, $version, resume => $first->{session});
        is(handshake_of($again), $version == 2 ? 'resumed' : 'full', $version == 2 ? 'an id serves again' : 'a ticket serves once');
        my $chain = session($g, $version, resume => $second->{session});
        is(handshake_of($chain), 'resumed', 'a resumed session can be resumed in turn');

        my $garbage = session($g, $version, resume => forge($first->{session}, $ID{$version}, 'x' x 32));
        is(handshake_of($garbage), 'full', 'an id that nobody knows: a full handshake');
        my $other = session($g, 5 - $version, resume => $chain->{session});
        is($other->{reused} // 0, 0, 'not in the other version of TLS');
        is(scalar failed($g), 0, 'no failure in all this') or diag explain [ failed($g) ];
        is(stop_process($g->{gate}, 'TERM'), 0, 'clean stop');
    };

    subtest "TLS 1.$version, several sessions in a process" => sub {
        my $g = route(limits => 'sessions_per_worker = 4; ');
        my $s = session($g, $version);
        is(handshake_of($s = session($g, $version, resume => $s->{session})), 'resumed', "resumed, number $_") for 1 .. 6;
        stop_process($g->{gate}, 'TERM');
    };

    subtest "TLS 1.$version, its time is over" => sub {
        my $g = route(tls => { resumption_lifetime => 3 });
        my $first = session($g, $version);
        my $end = time + 3.1;
        my $second = session($g, $version, resume => $first->{session});
        is(handshake_of($second), 'resumed', 'in time');
        sleep 0.1 while time < $end;
        my $late = session($g, $version, resume => $second->{session});
        is(handshake_of($late), 'full', 'too late, also for what was resumed in between');
        # A TLS 1.3 client does not even ask.
        my $r = $version == 2 ? wait_record($g->{dir}, { event => "tls.session-lapsed" }) : undef;
        is($r->{iec62351}, "IEC62351-3:1.10", "which the log tells") if $version == 2;
        stop_process($g->{gate}, 'TERM');
    };

    subtest "TLS 1.$version, the certificate has expired meanwhile" => sub {
        my $pki = own_pki();
        my $at = sub { strftime('%Y%m%d%H%M%SZ', gmtime $_[0]) };
        my $expires = int(time) + 4;
        system("cd $pki && exec >/dev/null 2>&1 && openssl ecparam -name prime256v1 -genkey -noout -out short.key && " .
               "openssl req -new -key short.key -config ca.cnf -subj '/CN=short.lab' -out short.csr && " .
               "openssl ca -batch -notext -config ca.cnf -cert ca.crt -keyfile ca.key -extensions v3_client " .
               "-startdate @{[ $at->($expires - 3600) ]} -enddate @{[ $at->($expires) ]} -in short.csr -out short.crt") == 0
            or die 'no certificate';
        my $g = route(pki => $pki);
        my $first = session($g, $version, pki => $pki, name => 'short');
        is(handshake_of($first), 'full', 'valid, and let in');
        sleep 0.1 while time < $expires + 1;
        my $late = session($g, $version, pki => $pki, name => 'short', resume => $first->{session});
        is($late->{reused}, 1, "libssl resumed it");
        is(handshake_of($late), 'certificate-expired', 'refused');
        like($late->{failed}{detail}, qr/CN=short\.lab/, 'the record names the certificate');
        is(scalar starts($g), 1, 'no octet reached the RTU');
        stop_process($g->{gate}, 'TERM');
    };
}

subtest 'without resumption' => sub {
    my $g = route(tls => { resumption => \'false' });
    for my $version (2, 3) {
        my $s = session($g, $version);
        is($s->{session} ? handshake_of(session($g, $version, resume => $s->{session})) : 'full', 'full', "TLS 1.$version");
    }
    stop_process($g->{gate}, 'TERM');
};

# New lists, and nothing is resumed that was let in by the old ones.
for my $version (2, 3) {
    subtest "TLS 1.$version, new revocation lists" => sub {
        my $pki = own_pki();
        my $ca = sub { system("cd $pki && openssl ca -config ca.cnf -cert ca.crt -keyfile ca.key @_ >/dev/null 2>&1") == 0 or die "ca @_" };
        my $new_list = sub { $ca->('-gencrl -out new.crl'); rename "$pki/new.crl", "$pki/ca.crl" or die $! };
        my $reload = sub { my ($count) = @_; kill 'HUP', $g::pid; wait_until(sub { $count <= grep { $_->{event} eq 'system.reload' } records($g::dir) }) };
        my $g = route(pki => $pki);
        local ($g::pid, $g::dir) = ($g->{gate}{pid}, $g->{dir});
        my $first = session($g, $version, pki => $pki);
        my $second = session($g, $version, pki => $pki, resume => $first->{session});
        is(handshake_of($second), 'resumed', 'resumed before');
        $new_list->();
        ok($reload->(1), 'a new list');
        my $third = session($g, $version, pki => $pki, resume => $second->{session});
        is(handshake_of($third), 'full', 'a full handshake with it');
        is(handshake_of(session($g, $version, pki => $pki, resume => $third->{session})), 'resumed', 'that one can be resumed');
        my $fourth = session($g, $version, pki => $pki);
        $ca->('-revoke master.crt');
        $new_list->();
        ok($reload->(2), 'now the master is revoked');
        is(handshake_of(session($g, $version, pki => $pki, resume => $fourth->{session})), 'certificate-revoked', 'and comes in no way');
        stop_process($g->{gate}, 'TERM');
    };
}

subtest 'a signer that was started anew knows no session' => sub {
    my $g = route();
    my $first = session($g, 3);
    my ($signer) = proc_of_role($g->{gate}, 'signer');
    kill 'KILL', $signer;
    ok(wait_record($g->{dir}, { event => 'system.process-started', process => 'signer-0' }), 'a new signer');
    my $s = wait_until(sub { my $s = session($g, 3, resume => $first->{session}); $s->{open} ? $s : undef });
    is(handshake_of($s), 'full', 'full');
    stop_process($g->{gate}, 'TERM');
};

done_testing();
