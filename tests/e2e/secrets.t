#!/usr/bin/perl
# Private keys, PINs and the secrets of sessions: in the memory of the signer and, while it
# lasts, of the worker of a session; nowhere else.  Every process of a running gate104 is
# looked into after handshakes, resumption, new keys in a session and a reload.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Memory;
use POSIX qw(mkfifo);
use Raw104;
use Test::More;

plan skip_all => 'only root may look into processes' if $> != 0;
plan skip_all => 'sanitizers keep what was freed' if $BUILD =~ /-san$/;
{
    my $own = secret_forms('own', 'a text that only this test has: ' . $$);
    plan skip_all => 'not even root may look into processes here' if !eval { found_in($$, $own)->{own} };
}

my $rtu = start_rtu();
my $OPERATOR = 'an-operator-has-this-in-his-environment';
$ENV{GATE104_TEST_SECRET} = $OPERATOR;

sub processes { my ($g) = @_; return ($g->{gate}{pid}, children_of($g->{gate}{pid})) }
sub name_of { my ($g, $pid) = @_; return $pid == $g->{gate}{pid} ? 'monitor' : role_of($pid) }

# Where each of the secrets is: {secret => "signer-0 ..."}; spare workers that end meanwhile
# are passed over.
sub whereabouts {
    my ($g, @secrets) = @_;
    my %at = map { $_->{name} => {} } @secrets;
    my %looked;
    for my $pid (processes($g)) {
        my $name  = name_of($g, $pid);
        my $found = eval { found_in($pid, @secrets) };
        next if !$found && slurp("/proc/$pid/status") !~ /^VmSize:/m;    # it has ended
        die $@ if !$found;
        $looked{ $name =~ s/-\d+$//r } = 1;
        $at{$_}{$name} = $found->{$_} for keys %$found;
    }
    return (\%at, join ' ', sort keys %looked);
}

sub only_in {
    my ($at, $secret, $want, $what) = @_;
    my @where = sort keys %{ $at->{$secret} };
    is(join(' ', @where), $want, $what) or diag map { "$_: @{ $at->{$secret}{$_} }\n" } @where;
}

# A session of openssl's client up to STARTDT; then it ends, or is left open.
sub session {
    my ($g, $pki, $version, %o) = @_;
    my $file = "$g->{dir}/session-" . ++$g->{sessions};
    my $ended = grep { $_->{event} eq 'session.close' } records($g->{dir});
    my $c = spawn_process([ 'openssl', 's_client', '-connect', "127.0.0.1:$g->{port}", '-CAfile', "$pki/ca.crt", '-ign_eof', "-tls1_$version",
                            '-cert', "$pki/master.crt", '-key', "$pki/master.key", '-sess_out', $file, $o{resume} ? ('-sess_in', $o{resume}) : () ],
                          in => spew("$g->{dir}/startdt", pack 'H*', '680407000000'));
    # A resumed session of TLS 1.2 stays the one it is.
    wait_until(sub { slurp($c->{out}) =~ /h\x04\x0b\0\0\0/ && (-s $file || ($version == 2 && $o{resume})) });
    stop_process($c, 'TERM');
    wait_until(sub { $ended < grep { $_->{event} eq 'session.close' } records($g->{dir}) });
    return { file => -s $file ? $file : $o{resume}, reused => slurp($c->{out}) =~ /^Reused, TLS/m ? 1 : 0 };
}

# The secret from which a session's keys come.
sub session_secret {
    my ($name, $file) = @_;
    my ($status, $out) = run_command([ qw(openssl sess_id -noout -text -in), $file ]);
    my ($hex) = $out =~ /(?:Master-Key|Resumption PSK): ([0-9A-F]{32,})/ or die "no secret: $out";
    return secret_forms($name, pack 'H*', $hex);
}

# New keys in a session that goes on.
sub rekeyed {
    my ($g, $pki) = @_;
    my $dir = scratch();
    mkfifo("$dir/in", 0600) or die "mkfifo: $!";
    open my $in, '+<', "$dir/in" or die $!;
    my $pump = spawn_process([ bin('pump/tls_pump'), 'client', '1.2', $pki, 'master', "$dir/port", $g->{port}, 0 ], dir => $dir, in => "$dir/in");
    wait_until(sub { -s "$dir/port" || !alive($pump) });
    my ($port) = slurp("$dir/port") =~ /(\d+)/ or die 'no pump';
    my $m = Raw104->connect($port) or die 'no connection to the pump';
    my $good = $m->start && $m->command($Raw104::SINGLE_ON) eq $Raw104::SINGLE_CON
        && wait_record($g->{dir}, { event => 'tls.rekeyed', why => 'renegotiated' }, 15) && $m->command($Raw104::SINGLE_ON) eq $Raw104::SINGLE_CON;
    return ($good, $m, $pump);
}

# What is renewed each second is not resumed.
for (['ec', 'rekey'], ['rsa', 'resumption'], ['ec', 'resumption']) {
    my ($kind, $with) = @$_;
    subtest "a key of type $kind, $with" => sub {
        my $pki = scratch();
        system('cp', '-r', pki($kind) . '/.', $pki) == 0 or die 'cp';
        my ($key, $next, $stray) = map { key_forms(@$_) } [ 'the key', "$pki/station.key" ], [ 'the next key', "$pki/twin.key" ], [ 'a stray key', "$pki/early.key" ];
        my $g = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"] }, pki => $pki,
            limits => $kind eq 'rsa' ? 'sessions_per_worker = 4; ' : '',
            tls => { $with eq 'rekey' ? (rekey => \'{ interval = 1; timeout = 1; lab = true; }') : (resumption => \'true'),
                     ocsp => \'{ url = "http://127.0.0.1:9/"; mode = "query"; timeout = 1; }' });
        my @keys = ($key, $next, $stray);
        my ($at, $roles) = whereabouts($g, @keys);
        is($roles, 'audit broker fetcher gate monitor signer tls', 'all are looked at');
        only_in($at, 'the key', 'signer-0', 'the private key is in the signer alone');

        my ($m, $pump, @secrets);
        if ($with eq 'rekey') {
            (my $good, $m, $pump) = rekeyed($g, $pki);
            ok($good, 'a session with new keys in it');
            ($at) = whereabouts($g, @keys);
        } else {
            my @s = map { session($g, $pki, $_) } 2, 3;
            my @again = map { session($g, $pki, $_, resume => $s[ $_ - 2 ]{file}) } 2, 3;
            is("@{[ map { $_->{reused} } @s, @again ]}", '0 0 1 1', 'sessions, resumed sessions');
            $m = Raw104->connect_tls($g->{port}, $pki);
            ok($m->start, 'and one that stays');
            @secrets = map { session_secret("the secret of TLS 1.$_", $again[ $_ - 2 ]{file}) } 2, 3;
            ($at) = whereabouts($g, @keys, @secrets);
            # That of TLS 1.3 is of a ticket that nobody has used; of TLS 1.2, of the session itself.
            only_in($at, $_->{name}, 'signer-0', "$_->{name}, which ended and may be resumed: in the signer alone") for @secrets;
        }
        only_in($at, 'the key', 'signer-0', 'the private key is in the signer alone');
        my ($signer) = proc_of_role($g->{gate}, 'signer');
        my %locked;
        for my $map (split /^(?=\w+-\w+ )/m, slurp("/proc/$signer/smaps")) {
            my ($range) = $map =~ /^(\w+-\w+ )/;
            $locked{$range} = $map =~ /^VmFlags:.* lo\b/m;
        }
        my @loose = grep { !$locked{ (/^(\w+-\w+ )/)[0] } } @{ $at->{'the key'}{'signer-0'} };
        cmp_ok(scalar(@loose), '<', scalar @{ $at->{'the key'}{'signer-0'} }, 'in memory that is locked');
        SKIP: {
            skip 'what the signer takes later is not locked: RLIMIT_MEMLOCK', 1 if slurp("/proc/$signer/limits") !~ /^Max locked memory +unlimited/m;
            is("@loose", '', 'and in no other');
        }

        # New keys.  The old signer lives until its last worker has changed over.
        system('cp', "$pki/twin.$_", "$pki/station.$_") == 0 or die 'cp' for qw(crt key);
        my ($status, $out, $err) = run_command([ bin('gate104'), '-s', "$g->{dir}/run/control", 'reload' ]);
        is($status, 0, 'a reload with another key') or diag $err;
        ok(wait_until(sub { (proc_of_role($g->{gate}, 'signer')) == 1 && (proc_of_role($g->{gate}, 'signer'))[0] != $signer }), 'another signer has it');
        ($at) = whereabouts($g, @keys, @secrets);
        only_in($at, 'the next key', 'signer-1', 'the new key is in the new signer alone');
        only_in($at, 'the key', '', 'the old one nowhere');
        only_in($at, $_->{name}, '', "$_->{name}: nowhere") for @secrets;

        # A mistake that happens: certificate and key in one file.
        spew("$pki/station.crt", slurp("$pki/early.key") . slurp("$pki/early.crt"));
        ($status, $out, $err) = run_command([ bin('gate104'), '-s', "$g->{dir}/run/control", 'reload' ]);
        isnt($status, 0, 'a reload with a private key in the file of the certificate is refused');
        like("$out$err", qr/holds a private key/, 'as that');
        ok(session($g, $pki, 3)->{reused} == 0, 'what was before is used');
        ($at) = whereabouts($g, @keys);
        only_in($at, 'a stray key', '', 'it stays nowhere: the monitor wipes what it read');
        only_in($at, 'the next key', 'signer-1', 'the key is where it was');

        my $told = join '', $out, $err, map { (run_command([ bin('gate104'), '-s', "$g->{dir}/run/control", @$_ ]))[1] } ['status'], [ 'status', '--json' ], ['sessions'], [ 'sessions', '--json' ];
        like($told, qr/signer/, 'status');
        my %environment = map { $_ => 1 } qw(PATH LC_ALL TZ OPENSSL_CONF);
        for my $pid (processes($g)) {
            my ($name, %s) = (name_of($g, $pid), map { /^(\w+):\s*(.*?)\s*$/ ? ($1 => $2) : () } split /\n/, slurp("/proc/$pid/status"));
            next if $name eq '';    # it has ended
            $told .= slurp("/proc/$pid/cmdline");
            like(slurp("/proc/$pid/limits"), qr/^Max core file size +0 +0 /m, "$name: no core");
            next if $name eq 'monitor';
            is(join(' ', grep { !$environment{$_} } map { /^(\w+)=/ ? $1 : $_ } split /\0/, slurp("/proc/$pid/environ")), '', "$name: nothing in its environment");
            is((stat "/proc/$pid/mem")[4], 0, "$name: not dumpable") if $s{Uid} !~ /^0\b/;
        }
        ($at) = whereabouts($g, secret_forms('a variable', $OPERATOR));
        only_in($at, 'a variable', 'monitor', 'what stood in the environment is in the monitor alone');
        stop_process($g->{gate}, 'TERM');
        $told .= slurp($_) for glob "$g->{dir}/log/* $g->{dir}/*.err $g->{dir}/*.out";
        is(join(' ', in_text($told, @keys, @secrets)), '', 'no secret in log, messages, status or arguments');
        is(join(' ', in_text(slurp("$pki/twin.key"), @keys)), 'the next key', 'where it would be found');
    };
}

subtest 'a PIN' => sub {
    my ($module) = grep { -e } map { "$_/softhsm/libsofthsm2.so" } qw(/usr/lib), glob '/usr/lib/*-linux-gnu';
    plan skip_all => 'softhsm2 is not installed' if !$module || system('command -v softhsm2-util >/dev/null') != 0;
    plan skip_all => 'libengine-pkcs11-openssl is not installed' if !glob '/usr/lib/*/engines-3/pkcs11.so';
    my ($pki, $hsm, $pin) = (pki('ec'), scratch(), 'the-PIN-of-a-token-');
    $pin .= int rand 10 for 1 .. 12;
    mkdir "$hsm/tokens";
    spew("$hsm/softhsm2.conf", "directories.tokendir = $hsm/tokens\nobjectstore.backend = file\nlog.level = ERROR\n");
    spew("$hsm/pin", "$pin\n");
    chmod 0600, "$hsm/pin";
    {
        local $ENV{SOFTHSM2_CONF} = "$hsm/softhsm2.conf";
        run_command([ qw(softhsm2-util --init-token --free --label lab --so-pin 12345678 --pin), $pin ]);
        run_command([ qw(openssl pkcs8 -topk8 -nocrypt -in), "$pki/station.key", '-out', "$hsm/p8" ]);
        my ($status, undef, $err) = run_command([ qw(softhsm2-util --token lab --label station --id 01 --pin), $pin, '--import', "$hsm/p8" ]);
        is($status, 0, 'a key in a token') or diag $err;
    }
    unlink "$hsm/p8";
    chmod 0711, $hsm;
    system 'chown', '-R', 'nobody', "$hsm/tokens";
    my $uri = "pkcs11:token=lab;object=station?module-path=$module&pin-source=$hsm/pin&x-env=SOFTHSM2_CONF=$hsm/softhsm2.conf";
    my $g = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"] }, tls => { key => $uri });
    my $m = Raw104->connect_tls($g->{port}, $pki);
    ok($m->start, 'a session');
    my @secrets = (secret_forms('the PIN', $pin), key_forms('the key', "$pki/station.key"));
    my ($at, $roles) = whereabouts($g, @secrets);
    is($roles, 'audit broker gate monitor signer tls', 'all are looked at');
    only_in($at, 'the PIN', 'signer-0', 'the PIN is in the signer alone');
    is(join(' ', grep { $_ ne 'signer-0' } sort keys %{ $at->{'the key'} }), '', 'the key is not outside it');
    # A PIN in the configuration itself is refused, and not told.
    my $wrong = $pin =~ s/the-PIN/not-PIN/r;
    my $conf = slurp("$g->{dir}/gate104.conf");
    spew("$g->{dir}/gate104.conf", $conf =~ s/pin-source=[^&]*/pin-value=$wrong/r);
    my ($status, $out, $err) = run_command([ bin('gate104'), '-s', "$g->{dir}/run/control", 'reload' ]);
    like("$out$err", qr/a PIN does not belong into the configuration/, 'a PIN in the configuration is refused');
    ($at) = whereabouts($g, secret_forms('that PIN', $wrong));
    is(join(' ', grep { $_ ne 'monitor' } sort keys %{ $at->{'that PIN'} }), '', 'and goes to nobody');
    $m->close;
    stop_process($g->{gate}, 'TERM');
    my $told = join '', $out, $err, map { slurp($_) } glob "$g->{dir}/log/* $g->{dir}/*.err $g->{dir}/*.out";
    is(join(' ', in_text($told, @secrets, secret_forms('that PIN', $wrong))), '', 'nor in log or messages');
};

done_testing;
