# A 104 station of a test's own hand, either side, over TCP or TLS: sends any octets, right
# or wrong, and says what came back.  Nothing is sent unasked: no acknowledgement, no
# TESTFR con.
package Raw104;
use strict;
use warnings;
use IO::Socket::INET;
use IO::Socket::SSL qw(:DEFAULT SSL_VERIFY_PEER);
use Socket qw(IPPROTO_TCP TCP_NODELAY SOL_SOCKET SO_RCVBUF SO_SNDBUF SO_LINGER);
use Time::HiRes qw(sleep time);

our $TIMEOUT = 10;
our $PORT;    # local one of the last connection that was tried

our $STARTDT_ACT = '680407000000';
our $STARTDT_CON = '68040b000000';
our $TESTFR_ACT  = '680443000000';
our $TESTFR_CON  = '680483000000';
our $SINGLE_ON   = '2d0106000100e9030001';    # C_SC_NA_1, CA 1, IOA 1001, on
our $SINGLE_CON  = '2d0107000100e9030001';
our $SINGLE_NEG  = '2d0147000100e9030001';

$SIG{PIPE} = 'IGNORE';

sub wrap {
    my ($class, $sock) = @_;
    my $self = bless { sock => $sock, in => '', ns => 0, nr => 0, ended => 0 }, $class;
    setsockopt $sock, IPPROTO_TCP, TCP_NODELAY, 1;
    $self->{port} = $sock->sockport;
    return $self;
}

# ---- connections ----

# A listening socket; {sock, port}.  receive_buffer: octets of the sockets it accepts.
sub listener {
    my ($class, %o) = @_;
    my $sock = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1', LocalPort => 0) or die "listen: $!";
    setsockopt $sock, SOL_SOCKET, SO_RCVBUF, $o{receive_buffer} if $o{receive_buffer};
    return { sock => $sock, port => $sock->sockport };
}

# The next connection to a listener, or undef.
sub accept {
    my ($class, $listener, $seconds) = @_;
    readable($listener->{sock}, $seconds // $TIMEOUT) or return undef;
    my $sock = $listener->{sock}->accept or return undef;
    return $class->wrap($sock);
}

# A socket with a port that no connection of this test had before: it tells the sessions in
# a log apart.
my %used;
sub bound {
    my ($from) = @_;
    my @taken;    # so that they are not given again
    while (1) {
        my $sock = IO::Socket::INET->new(Proto => 'tcp', LocalAddr => $from, LocalPort => 0) or return undef;
        return $sock if !$used{ $sock->sockport }++;
        push @taken, $sock;
    }
}

# from: local address; receive_buffer as above.
sub connect {
    my ($class, $port, %o) = @_;
    my $sock = bound($o{from} // '127.0.0.1') or return undef;
    setsockopt $sock, SOL_SOCKET, SO_RCVBUF, $o{receive_buffer} if $o{receive_buffer};
    my $to = Socket::pack_sockaddr_in($port, Socket::inet_aton($o{to} // '127.0.0.1'));
    CORE::connect $sock, $to or return undef;
    $PORT = $sock->sockport;
    return $class->wrap($sock);
}

# With the certificate NAME of a lab PKI (name => undef: none).  Undef, and why in
# $IO::Socket::SSL::SSL_ERROR, if the handshake fails.  TLS 1.3 lets a client believe that
# it is connected before its certificate was looked at.
sub connect_tls {
    my ($class, $port, $pki, %o) = @_;
    my $self = $class->connect($port, %o) or return undef;
    return $self->secure($pki, %o);
}

# The same over a connection that is there.
sub secure {
    my ($self, $pki, %o) = @_;
    my $name = exists $o{name} ? $o{name} : 'master';
    my %tls = (SSL_verify_mode => SSL_VERIFY_PEER, SSL_ca_file => "$pki/ca.crt", SSL_hostname => '',
               SSL_verifycn_scheme => 'none', Timeout => $TIMEOUT);
    @tls{qw(SSL_cert_file SSL_key_file)} = ("$pki/$name.crt", "$pki/$name.key") if defined $name;
    $tls{SSL_version} = $o{version} if $o{version};
    # Certificates that our own side would not take either.
    $tls{SSL_cipher_list} = 'DEFAULT@SECLEVEL=0' if $o{weak};
    IO::Socket::SSL->start_SSL($self->{sock}, %tls) or return undef;
    # A record without data must not make a read wait.
    $self->{sock}->blocking(0);
    $self->{tls} = 1;
    return $self;
}

# ---- octets ----

# True when octets, or the end, can be read.
sub readable {
    my ($sock, $seconds) = @_;
    return 1 if $sock->can('pending') && $sock->pending;
    my $r = '';
    vec($r, fileno $sock, 1) = 1;
    return select($r, undef, undef, $seconds) > 0;
}

sub writable {
    my ($sock, $seconds) = @_;
    my $w = '';
    vec($w, fileno $sock, 1) = 1;
    return select(undef, $w, undef, $seconds) > 0;
}

# Reads what is there, waiting at most so long for the first of it.  False: nothing came.
sub fill {
    my ($self, $seconds) = @_;
    return 0 if $self->{ended} || !readable($self->{sock}, $seconds);
    my $n = $self->{sock}->sysread(my $octets, 65536);
    if ($n) {
        $self->{in} .= unpack 'H*', $octets;
        return 1;
    }
    return 1 if !defined $n && $!{EAGAIN};
    $self->{ended} = 1;
    return 1;
}

# Octets in hex, as they are; several arguments in one write.
sub send {
    my ($self, @hex) = @_;
    my $octets = pack 'H*', join '', @hex;
    while (length $octets) {
        my $n = $self->{sock}->syswrite($octets);
        substr $octets, 0, $n, '' if $n;
        return 0 if !$n && !($!{EAGAIN} && writable($self->{sock}, $TIMEOUT));
    }
    return 1;
}

# As much of these octets as goes without waiting, in writes of `step`; how many went.
sub send_until_full {
    my ($self, $octets, $step) = @_;
    my ($sent, $full_at) = (0, undef);
    my $was = $self->{sock}->blocking(0);
    while ($sent < length $octets) {
        my $n = $self->{sock}->syswrite(substr $octets, $sent, $step // 16384);
        if ($n) {
            ($sent, $full_at) = ($sent + $n, undef);
            next;
        }
        # Full is what stays full: the far end may only have been slow.
        $full_at //= time;
        last if time - $full_at > 0.3;
        sleep 0.01;
    }
    $self->{sock}->blocking($was);
    return $sent;
}

# The next APDU in hex; undef if none came in time, 'end' when the connection is over.
sub next_apdu {
    my ($self, $seconds) = @_;
    my $end = time + ($seconds // $TIMEOUT);
    while (1) {
        if ($self->{in} =~ /^68(..)/ && length $self->{in} >= 4 + 2 * hex $1) {
            my $apdu = substr $self->{in}, 0, 4 + 2 * hex $1, '';
            $self->{nr} = ($self->{nr} + 1) % 32768 if !(hex(substr $apdu, 4, 2) & 1);
            return $apdu;
        }
        return 'end' if $self->{ended};
        my $left = $end - time;
        return undef if $left <= 0 || !$self->fill($left);
    }
}

# Takes APDUs until an S- or U-frame, or the ASDU of an I-frame, matches (string or
# regexp); gives the APDU, or undef.
sub until_apdu {
    my ($self, $want, $seconds) = @_;
    return $self->take(sub {
        my $what = hex(substr $_[0], 4, 2) & 1 ? $_[0] : substr $_[0], 12;
        return ref $want ? $what =~ $want : $what eq $want;
    }, $seconds);
}

# Takes APDUs until an I-frame whose ASDU matches; gives the ASDU, or undef.
sub until_asdu {
    my ($self, $want, $seconds) = @_;
    my $apdu = $self->take(sub { !(hex(substr $_[0], 4, 2) & 1) && substr($_[0], 12) =~ $want }, $seconds);
    return defined $apdu ? substr $apdu, 12 : undef;
}

sub take {
    my ($self, $wanted, $seconds) = @_;
    my $end = time + ($seconds // $TIMEOUT);
    while (1) {
        my $apdu = $self->next_apdu($end - time > 0 ? $end - time : 0);
        return undef if !defined $apdu || $apdu eq 'end';
        return $apdu if $wanted->($apdu);
    }
}

# True once the far end has closed; octets on the way there are kept in {in}.
sub ended {
    my ($self, $seconds) = @_;
    my $end = time + ($seconds // $TIMEOUT);
    while (!$self->{ended}) {
        my $left = $end - time;
        return 0 if !$self->fill($left > 0 ? $left : 0) && $left <= 0;
    }
    return 1;
}

sub close {
    my ($self) = @_;
    if ($self->{tls}) { $self->{sock}->close(SSL_no_shutdown => 0) }
    else              { CORE::close $self->{sock} }
    $self->{ended} = 1;
}

# Ends with a TCP reset.
sub reset {
    my ($self) = @_;
    setsockopt $self->{sock}, SOL_SOCKET, SO_LINGER, pack 'll', 1, 0;
    $self->{tls} ? $self->{sock}->close(SSL_no_shutdown => 1) : CORE::close $self->{sock};
    $self->{ended} = 1;
}

# ---- 104 ----

# An I-frame with the given numbers.
sub i_frame {
    my ($asdu, $ns, $nr) = @_;
    return sprintf('68%02x', 4 + length($asdu) / 2) . unpack('H*', pack 'vv', 2 * $ns, 2 * $nr) . $asdu;
}

# The next I-frame of this station, counted.
sub i {
    my ($self, $asdu) = @_;
    my $frame = i_frame($asdu, $self->{ns}, $self->{nr});
    $self->{ns} = ($self->{ns} + 1) % 32768;
    return $frame;
}

# An S-frame for all that has come.
sub ack { return '68040100' . unpack 'H*', pack 'v', 2 * $_[0]{nr} }

# STARTDT as the controlling station; true when it was confirmed.
sub start {
    my ($self) = @_;
    return $self->send($STARTDT_ACT) && defined $self->until_apdu($STARTDT_CON);
}

# STARTDT as the controlled one.
sub started {
    my ($self) = @_;
    return defined $self->until_apdu($STARTDT_ACT) && $self->send($STARTDT_CON);
}

# A session through gate104, from its TLS port to a listener behind it, with data flowing:
# (master, station), or nothing.
sub through {
    my ($class, $port, $pki, $listener) = @_;
    my $m = $class->connect_tls($port, $pki) or return;
    $m->send($STARTDT_ACT);
    my $s = $class->accept($listener) or return;
    return $s->started && $m->until_apdu($STARTDT_CON) ? ($m, $s) : ();
}

# Sends a command; its answer (the first ASDU of that type which is no termination), or
# undef.
sub command {
    my ($self, $asdu, $seconds) = @_;
    my $type = substr $asdu, 0, 2;
    $self->send($self->i($asdu));
    return $self->until_asdu(qr/^$type..(?!0a)/, $seconds);
}

1;
