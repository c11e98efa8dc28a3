#!/usr/bin/perl
# What an operator asks of the log while it runs: a seal now, a new file now; and what
# gate104 status says of seals and shipping.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use IO::Socket::UNIX;
use SealCheck;
use Socket qw(SOCK_DGRAM);
use Test::More;

sub start {
    my ($audit, $sealed) = @_;
    my $dir = scratch();
    $audit .= qq( seal_key = "$dir/seal.key"; seal_interval = 86400;) if $sealed;
    write_config(dir => $dir, audit => $audit, routes => [ { name => 'r', mode => 'protect-rtu', listen => [ '127.0.0.1:' . free_port() ], rtu => ['127.0.0.1:1'] } ]);
    if ($sealed) {
        my ($status, undef, $err) = run_command([ bin('gate104'), qw(log keygen --out), "$dir/seal", "$dir/log" ]);
        is($status, 0, 'keys') or diag $err;
    }
    return ($dir, start_gate104($dir));
}

sub order { my ($dir, @words) = @_; return run_command([ bin('gate104'), '-s', "$dir/run/control", @words ]) }

sub whole_status {
    my ($dir) = @_;
    my ($all) = json_lines((order($dir, 'status', '--json'))[1] =~ s/\n\s*//gr . "\n");
    return $all;
}
sub status_of { my ($dir) = @_; return whole_status($dir)->{log_files} }

subtest 'a seal' => sub {
    my ($dir, $gate) = start('', 1);
    ok(wait_record($dir, { event => 'log.seal', why => 'start' }), 'sealed at the start');
    my ($status, $out, $err) = order($dir, qw(log seal));
    is($status, 0, 'one more') or diag $err;
    like($out, qr/^done: record \d+ is a seal$/, 'which is told');
    my ($n) = $out =~ /(\d+)/;
    my ($seal) = grep { $_->{seq} == $n } records($dir);
    is("$seal->{event} $seal->{why}", 'log.seal on-demand', 'it is in the log');
    my ($asked) = grep { $_->{event} eq 'system.operator' } records($dir);
    like($asked->{why}, qr/^log seal$/, 'so is who asked');
    cmp_ok($asked->{seq}, '<', $n, 'in front of it');
    ok(wait_until(sub { my $s = status_of($dir); $s->{seals} eq 'good' && $s->{seal_seq} == $n && $s->{last_seq} >= $n }), 'status shows it');
    like((order($dir, 'status'))[1], qr/^    sealed to record $n of \d+$/m, 'in words, too');
    is(stop_process($gate, 'TERM'), 0, 'clean stop');
    ($status, $out, $err) = run_command([ bin('gate104'), qw(log verify --key), "$dir/seal.pub", "$dir/log" ]);
    is($status, 0, 'the log verifies') or diag $out, $err;
};

subtest 'a new file' => sub {
    my ($dir, $gate) = start('', 1);
    my ($status, $out, $err) = order($dir, qw(log rotate));
    is($status, 0, 'begun') or diag $err;
    like($out, qr/^done: gate104\.jsonl begins with record \d+ now$/, 'which is told');
    my ($n) = $out =~ /with record (\d+)/;
    my ($first) = split /\n/, slurp("$dir/log/gate104.jsonl");
    is((json_lines("$first\n"))[0]{seq}, $n, 'and true');
    is(scalar(glob("$dir/log/gate104-*.jsonl")) ? 1 : 0, 1, 'the old one has a name of its own');
    my ($again) = (order($dir, qw(log rotate)))[1] =~ /with record (\d+)/;
    cmp_ok($again, '>', $n, 'and once more');
    is(stop_process($gate, 'TERM'), 0, 'clean stop');
    ($status, $out, $err) = run_command([ bin('gate104'), qw(log verify --key), "$dir/seal.pub", "$dir/log" ]);
    is($status, 0, 'the log verifies') or diag $out, $err;
};

subtest 'what cannot be done' => sub {
    my ($dir, $gate) = start('', 0);
    my ($status, $out, $err) = order($dir, qw(log seal));
    is($status, 1, 'no seal without a key');
    is($err, "gate104: this log is not sealed (audit.seal_key)\n", 'which it says');
    is((order($dir, qw(log seal now)))[0], 2, 'a word too many');
    is(status_of($dir)->{seals}, 'off', 'status says that there are none');
    my $socket = IO::Socket::UNIX->new(Peer => "$dir/run/control") or die $!;
    print $socket "log burn\n";
    like(<$socket>, qr/\\"log\\" wants \\"seal\\" or \\"rotate\\"/, 'an order there is not');
    # The audit process has to be asked: while it stands still nothing is claimed.
    my ($pid) = map { $_->{pid} } grep { $_->{role} eq 'audit' } @{ whole_status($dir)->{processes} };
    kill STOP => $pid;
    my $one = IO::Socket::UNIX->new(Peer => "$dir/run/control") or die $!;
    my $two = IO::Socket::UNIX->new(Peer => "$dir/run/control") or die $!;
    print $one "log rotate\n";
    ok(wait_for_text($gate->{err}, qr/log rotate by /), 'an order is on its way');
    print $two "log rotate\n";
    like(<$two>, qr/another order to the log is being carried out/, 'one at a time');
    kill CONT => $pid;
    like(<$one>, qr/begins with record/, 'and then it is carried out');
    is(stop_process($gate, 'TERM'), 0, 'clean stop');
};

subtest 'what has left the machine' => sub {
    my $dir = scratch();
    my $syslog = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "$dir/syslog") or die $!;
    chmod 0777, "$dir/syslog";
    chmod 0755, $dir;
    my ($run, $gate) = start(qq(ship = "all"; ship_socket = "$dir/syslog"; ship_lag = 5;), 0);
    ok(wait_until(sub { my $b; $syslog->recv($b, 65536) if readable($syslog); my $s = status_of($run); $s->{shipping} eq 'good' && $s->{shipped_seq} > 0 && $s->{shipped_seq} == $s->{last_seq} }), 'all of it');
    like((order($run, 'status'))[1], qr/^    shipped to record \d+ of \d+$/m, 'in words, too');
    close $syslog;
    unlink "$dir/syslog";
    order($run, qw(log rotate));
    ok(wait_until(sub { status_of($run)->{shipping} =~ /^(?:waits|lags)$/ }), 'none: nobody is there');
    my $s = status_of($run);
    cmp_ok($s->{shipped_seq}, '<', $s->{last_seq}, 'and how far it came');
    is(stop_process($gate, 'TERM'), 0, 'clean stop');
};

sub readable {
    my ($fh) = @_;
    my $set = '';
    vec($set, fileno $fh, 1) = 1;
    return select($set, undef, undef, 0) > 0;
}

done_testing();
