# Seals of a session log, checked in Perl from doc/log-format.md and by `openssl pkeyutl`.
package SealCheck;
use strict;
use warnings;
use Digest::SHA qw(hmac_sha256 hmac_sha256_hex sha256_hex);
use Exporter 'import';
use Gate104;
use JSON::PP;

our @EXPORT = qw(keygen seals seal_faults state_epoch);

# Makes keys for the log of a folder of write_config; gives { key, pub, seed, dir }.
sub keygen {
    my ($dir, @more) = @_;
    my ($status, $out, $err) = run_command([ bin('gate104'), qw(log keygen --out), "$dir/seal", @more, "$dir/log" ]);
    die "keygen: $err" if $status != 0;
    my ($seed) = $out =~ /^    ((?:[0-9a-f]{8}-){8}[0-9a-f]{4})$/m or die "no seed in:\n$out";
    my $octets = pack 'H*', substr $seed =~ s/-//gr, 0, 64;
    die 'the check digits of the seed' if substr(sha256_hex($octets), 0, 4) ne substr $seed, -4;
    return { key => "$dir/seal.key", pub => "$dir/seal.pub", seed => $octets, text => $seed, dir => $dir };
}

# Of all files of the chain.
sub lines {
    my ($dir) = @_;
    return map { slurp($_) =~ /[^\n]*\n/g } sort(glob "$dir/log/gate104-*.jsonl"), "$dir/log/gate104.jsonl";
}

# The seals so far, decoded, with the raw line as {line}.
sub seals {
    my ($dir) = @_;
    return grep { $_->{event} eq 'log.seal' } map { my $r = eval { decode_json($_) }; $r ? { %$r, line => $_ } : () } lines($dir);
}

sub signature_good {
    my ($keys, $octets, $sig) = @_;
    my $dir = scratch();
    spew("$dir/in", $octets);
    spew("$dir/sig", pack 'H*', $sig);
    my ($status) = run_command([ qw(openssl pkeyutl -verify -rawin -pubin -inkey), $keys->{pub}, '-in', "$dir/in", '-sigfile', "$dir/sig" ]);
    return $status == 0;
}

# Everything that is wrong with the seals of a log whose keys are all these.
sub seal_faults {
    my ($keys, %o) = @_;
    my ($k, $epoch, $first, $before) = (hmac_sha256('gate104 seal first', $keys->{seed}), 0, 1, '0' x 64);
    my %count = map { $_ => 0 } qw(commands refusals alarms gaps);
    my $last_config = '';
    my @faults;
    for my $line (lines($keys->{dir})) {
        my $r = decode_json($line);
        if ($r->{event} ne 'log.seal' || $r->{from} ne 'audit-0') {
            $count{commands}++ if $r->{event} eq 'op.command';
            $count{refusals}++ if $r->{event} eq 'policy.refused';
            $count{gaps}++     if $r->{event} eq 'log.gap';
            $count{alarms}++   if $r->{severity} eq 'alarm';
            $last_config = $r->{config_sha256} if $r->{event} =~ /^system\.(start|reload)$/ && $r->{config_sha256};
            next;
        }
        my $id = "seal $r->{epoch} at $r->{seq}";
        push @faults, "$id: epoch after $epoch" if $r->{epoch} != ++$epoch;
        push @faults, "$id: first_seq"          if $r->{first_seq} != $first;
        push @faults, "$id: records"            if $r->{records} != $r->{seq} - $first;
        push @faults, "$id: seal_prev"          if $r->{seal_prev} ne $before;
        push @faults, "$id: $_ is $r->{$_}, not $count{$_}" for grep { $r->{$_} != $count{$_} } sort keys %count;
        push @faults, "$id: config_sha256" if $r->{config_sha256} ne $last_config;
        push @faults, "$id: clock"         if $r->{clock} !~ /^(un)?(synchronized|known)$/;
        my $without = $line =~ s/,"sig":"[0-9a-f]{128}"//r;
        push @faults, "$id: sig" if $o{signatures} && !signature_good($keys, "gate104 seal sig 1\n$without", $r->{sig});
        $without =~ s/,"mac":"[0-9a-f]{64}"//;
        push @faults, "$id: mac" if hmac_sha256_hex("gate104 seal mac 1\n$without", $k) ne $r->{mac};
        $k = hmac_sha256('gate104 seal next', $k);
        $first  = $r->{seq} + 1;
        $before = sha256_hex($line);
        %count  = map { $_ => 0 } keys %count;
        $epoch  = $r->{epoch};
    }
    return @faults;
}

# Of the state beside the log.
sub state_epoch { my ($dir) = @_; return (split / /, slurp("$dir/log/seal.state"))[3] }

1;
