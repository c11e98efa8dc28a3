#!/usr/bin/perl
# Private keys in a PKCS#11 token (SoftHSM 2) by way of libp11's engine: found by their
# URI, used for handshakes, and what happens when the token is wrong, gone or hangs.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use POSIX qw(mkfifo);
use Test::More;

my ($MODULE) = grep { -e } map { "$_/softhsm/libsofthsm2.so" } qw(/usr/lib), glob '/usr/lib/*-linux-gnu';
plan skip_all => 'softhsm2 is not installed' if !$MODULE;
plan skip_all => 'libengine-pkcs11-openssl is not installed' if !glob '/usr/lib/*/engines-3/pkcs11.so';
plan skip_all => 'softhsm2-util is not installed' if system('command -v softhsm2-util >/dev/null') != 0;
plan skip_all => 'the engine leaks, and says so' if $BUILD =~ /-san$/;

my $pki = scratch();
my $hsm = scratch();
mkdir "$hsm/tokens";
spew("$hsm/softhsm2.conf", "directories.tokendir = $hsm/tokens\nobjectstore.backend = file\nlog.level = ERROR\n");
spew("$hsm/pin", "5678\n");
chmod 0600, "$hsm/pin";

# A key made as a file, then brought into the token: certificates come from the lab's CA.
$ENV{SOFTHSM2_CONF} = "$hsm/softhsm2.conf";
my @said = run_command([qw(softhsm2-util --init-token --free --label lab --so-pin 1234 --pin 5678)]);
is($said[0], 0, 'a token') or BAIL_OUT("softhsm2-util: @said");
my %key;
for my $kind (qw(ec rsa)) {
    $key{$kind} = pki($kind);
    run_command([ qw(openssl pkcs8 -topk8 -nocrypt -in), "$key{$kind}/station.key", '-out', "$hsm/$kind.p8" ]);
    my ($status, undef, $err) = run_command([
        'softhsm2-util', '--import', "$hsm/$kind.p8", qw(--token lab --pin 5678 --label), "station-$kind",
        '--id', $kind eq 'ec' ? '01' : '02' ]);
    is($status, 0, "a key of type $kind in it") or diag $err;
    unlink "$hsm/$kind.p8";
}
delete $ENV{SOFTHSM2_CONF};

# The signer has no rights of root when it signs, and the module works with its rights.
if ($> == 0) {
    chmod 0711, $hsm;
    system 'chown', '-R', 'nobody', "$hsm/tokens";
}
chmod 0644, "$hsm/softhsm2.conf";

sub uri {
    my (%o) = (token => 'lab', object => 'station-ec', module => $MODULE, pin => "$hsm/pin", @_);
    return "pkcs11:token=$o{token};object=$o{object}?module-path=$o{module}"
        . ($o{pin} ? "&pin-source=$o{pin}" : '') . "&x-env=SOFTHSM2_CONF=$hsm/softhsm2.conf";
}

sub check { return run_command([ bin('gate104d'), '-c', "$_[0]/gate104.conf", '-t' ], seconds => 30) }

sub config {
    my ($key, $kind) = (@_, 'ec');
    return write_config(pki => $key{$kind}, tls => { key => $key },
        routes => [ { name => 'r', mode => 'protect-rtu', listen => ['127.0.0.1:' . free_port()], rtu => ['127.0.0.1:9'] } ]);
}

subtest 'gate104d -t' => sub {
    my ($status, $out, $err) = check(config(uri()));
    is($status, 0, 'a good key is found good') or diag "$out$err";
    my @bad = (
        [ uri(object => 'nobody'),             qr/no such key in the token/ ],
        [ uri(token => 'other'),               qr/no such key in the token/ ],
        [ uri(object => 'station-rsa'),        qr/is not the private key of the certificate/ ],
        [ uri(module => '/usr/lib/none.so'),   qr/the module \S+ cannot be used; correct module-path/ ],
        [ uri(pin => "$hsm/none"),             qr/no PIN in it/ ],
        [ uri(pin => "$hsm/softhsm2.conf"),    qr/group or others have rights/ ],
        [ uri(pin => ''),                      qr/or the PIN is wrong/ ],
        [ 'pkcs11:token=lab;object=x',         qr/does not say which module/ ],
        [ 'pkcs11:object=x?module-path=/m',    qr/does not say which token/ ],
        [ 'pkcs11:token=x?module-path=/m',     qr/does not say which key/ ],
        [ uri() . '&pin-value=1',              qr/a PIN does not belong into the configuration/ ],
        [ 'pkcs11:token=x;pin-source=/x',      qr/belongs behind a '\?'/ ],
        [ uri(module => 'relative.so'),        qr/no absolute path/ ],
        [ uri() . '&colour=blue',              qr/"colour" is not known/ ],
    );
    for (@bad) {
        my ($key, $says) = @$_;
        my ($status, $out, $err) = check(config($key));
        isnt($status, 0, "refused: $key");
        like("$out$err", qr/gate104\.conf:\d+.*$says/s, '... with file, line and reason');
    }
};

# One handshake of a client; true if it came to its end.
sub handshake {
    my ($dir, $port, @options) = @_;
    my ($status, $out) = run_command([ 'openssl', 's_client', '-connect', "127.0.0.1:$port", '-CAfile', "$dir/ca.crt",
        '-cert', "$dir/master.crt", '-key', "$dir/master.key", '-verify_return_error', '-brief', @options ], seconds => 20);
    return $status == 0;
}

for my $kind (qw(ec rsa)) {
    subtest "handshakes with a key of type $kind" => sub {
        my $rtu = start_rtu();
        my $r = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"] },
                            pki => $key{$kind}, tls => { key => uri(object => "station-$kind") });
        ok(handshake($key{$kind}, $r->{port}, "-$_"), $_) for qw(tls1_2 tls1_3);
        my $m = run_master($r->{port}, tls_client($key{$kind}), 'gi');
        is($m->{status}, 0, 'and data') or diag $m->{err};
        my $status = (run_command([ bin('gate104'), '-s', "$r->{dir}/run/control", 'status', '--json' ]))[1];
        my ($lacks) = $status =~ /"sandbox_lacks":\s*\[\s*([^\]]*?)\s*\]/;
        like($lacks, qr/"$_"/, "the status says what a signer with a module lacks: $_")
            for qw(system-call-filter landlock-files landlock-network landlock-scope);
        stop_process($r->{gate}, 'TERM');
    };
}

subtest 'a token that goes and comes' => sub {
    my $rtu = start_rtu();
    my ($port, $rsa) = (free_port(), free_port());
    my @common = (mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"]);
    my $dir = write_config(tls => { key => uri() }, routes => [
        { name => 'ec', listen => ["127.0.0.1:$port"], @common },
        { name => 'rsa', listen => ["127.0.0.1:$rsa"], @common,
          tls => \sprintf('{ cert = "%s"; key = "%s"; ca = [ "%s" ]; crl = []; }', "$key{rsa}/station.crt",
                          uri(object => 'station-rsa'), "$key{rsa}/ca.crt") } ]);
    my $r = { dir => $dir, port => $port, gate => start_gate104($dir) };
    ok(handshake($key{ec}, $port),  'works');
    ok(handshake($key{rsa}, $rsa), 'and another key of the same token');
    my @signer = proc_of_role($r->{gate}, 'signer');
    rename "$hsm/tokens", "$hsm/away" or die;
    ok(!handshake($key{ec}, $r->{port}), 'without the token there is no handshake');
    wait_record($r->{dir}, { event => qr/failed|refused/, why => qr/signer/ });
    ok(wait_for_text("$r->{dir}/gate104d.err", qr/the token does not sign/), 'the operator is told why');
    rename "$hsm/away", "$hsm/tokens" or die;
    ok(wait_until(sub { handshake($key{ec}, $r->{port}) }, 20), 'with it there is again');
    ok(handshake($key{rsa}, $rsa), 'with the other key, too');
    is(join(' ', proc_of_role($r->{gate}, 'signer')), "@signer", 'all the time the same signer') or diag slurp("$r->{dir}/gate104d.err");
    is(stop_process($r->{gate}, 'TERM'), 0, 'and an orderly end');
};

subtest 'a module that hangs' => sub {
    mkfifo("$hsm/fifo.so", 0600) or die;    # to open it is to wait for ever
    my ($status, $out, $err) = check(config(uri(module => "$hsm/fifo.so")));
    isnt($status, 0, 'is an error');
    like("$out$err", qr/the PKCS#11 module does not answer/, 'and not waited for');
};

done_testing;
