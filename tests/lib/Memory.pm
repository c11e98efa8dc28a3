# Secrets in the memory of a running process: in which forms a key may lie there, and which
# of them do.  Needs root.
package Memory;
use strict;
use warnings;
use Exporter 'import';
use Gate104;
use MIME::Base64;

our @EXPORT = qw(key_forms found_in secret_forms in_text);

# The INTEGERs and OCTET STRINGs of a SEQUENCE, one after the other.
sub elements {
    my ($der) = @_;
    my $at = 0;
    my $length = sub {
        my $n = ord substr $der, $at++, 1;
        return $n if $n < 128;
        my $size = 0;
        $size = $size << 8 | ord substr $der, $at++, 1 for 1 .. $n & 127;
        return $size;
    };
    $at++;
    my $end = $length->() + $at;
    my @all;
    while ($at < $end) {
        $at++;
        my $n = $length->();
        push @all, substr($der, $at, $n) =~ s/^\0+//r;
        $at += $n;
    }
    return @all;
}

# Both ends of some octets, as they are and as limbs of a bignum on this machine.
sub ends_of {
    my ($octets) = @_;
    my $turned = reverse $octets;
    return map { (substr($_, 0, 16), substr($_, -16)) } $octets, $turned;
}

# The base64 of some octets within a DER, line by line as PEM has it.
sub base64_of {
    my ($der, $octets) = @_;
    my $from = index $der, $octets;
    return () if $from < 0;
    my $text = encode_base64($der, '');
    my ($begin, $end) = (int(($from + 2) / 3) * 4, int(($from + length $octets) / 3) * 4);
    my @lines;
    for (my $at = $begin; $at < $end; $at = 64 * (1 + int($at / 64))) {
        my $stop = 64 * (1 + int($at / 64));
        my $n = ($stop < $end ? $stop : $end) - $at;
        push @lines, substr $text, $at, 20 if $n >= 20;
    }
    return @lines;
}

sub der { my @o = @_; my ($status, $out) = run_command([ 'openssl', 'pkey', @o, '-outform', 'DER' ]); return $out }

# What a secret of text or octets may look like.
sub secret_forms { my ($name, $octets) = @_; return { name => $name, octets => [ $octets ] } }

# {name, octets: [each 16 octets or more that only somebody with the private key has]}.
sub key_forms {
    my ($name, $file) = @_;
    my $traditional = der('-in', $file, '-traditional');
    my $pkcs8 = decode_base64(slurp($file) =~ s/-----[^-]*-----//gr);
    my @numbers = elements($traditional);
    # ECPrivateKey (RFC 5915): version, private key.  RSAPrivateKey (RFC 8017): version, n,
    # e, and then what is secret.
    my @secret = length $numbers[1] < 64 ? $numbers[1] : @numbers[ 3 .. 8 ];
    my %seen;
    return { name => $name, octets => [ grep { !$seen{$_}++ } map { (ends_of($_), base64_of($pkcs8, $_), base64_of($traditional, $_)) } @secret ] };
}

# The mappings of a process that can hold what it was given: [from, to, line].
sub mappings {
    my ($pid) = @_;
    no warnings 'portable';    # addresses of 64 bits
    my @all;
    for (split /\n/, slurp("/proc/$pid/maps")) {
        my ($from, $to, $rights, $inode, $name) = /^(\w+)-(\w+) (\S+) \S+ \S+ (\d+)\s*(.*)/ or next;
        next if $rights !~ /^r/ || $name =~ /^\[v/ || ($inode && $rights !~ /w/);
        push @all, [ hex $from, hex $to, $_ ];
    }
    return @all;
}

# Which of the secrets lie in the memory of a process: their names, and in which mappings.
# Dies if it cannot be read: a process that was not looked at is not clean.
sub found_in {
    my ($pid, @secrets) = @_;
    my %name;
    for my $s (@secrets) { $name{$_} = $s->{name} for @{ $s->{octets} } }
    my ($any) = map { qr/($_)/ } join '|', map { quotemeta } sort keys %name;
    open my $mem, '<:raw', "/proc/$pid/mem" or die "/proc/$pid/mem: $!";
    my (%found, $octets_read);
    for my $map (mappings($pid)) {
        my ($from, $to, $line) = @$map;
        my $tail = '';
        for (my $at = $from; $at < $to;) {
            my $n = $to - $at < 1 << 20 ? $to - $at : 1 << 20;
            sysseek $mem, $at, 0 or last;
            my $got = sysread $mem, my $octets, $n or last;
            $octets = $tail . $octets;
            while ($octets =~ /$any/g) {
                my $lines = $found{ $name{$1} } //= [];
                push @$lines, $line if !grep { $_ eq $line } @$lines;
            }
            $tail = substr $octets, -64;
            $at += $got;
            $octets_read += $got;
        }
    }
    die "nothing of $pid could be read" if !$octets_read;
    return \%found;
}

# Which of the secrets stand in a text, also as hex or base64.
sub in_text {
    my ($text, @secrets) = @_;
    my %found;
    for my $s (@secrets) {
        for my $octets (@{ $s->{octets} }) {
            my $hex = unpack 'H*', $octets;
            $found{ $s->{name} } = 1 if grep { index($text, $_) >= 0 } $octets, $hex, uc $hex,
                join(':', unpack '(A2)*', $hex), encode_base64(substr($octets, 0, 3 * int(length($octets) / 3)), '');
        }
    }
    return sort keys %found;
}

1;
