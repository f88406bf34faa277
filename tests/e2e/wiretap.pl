#!/usr/bin/perl
# A wire tap: relays SMTP connections unchanged and keeps each message as it was transmitted.
#
#   wiretap.pl PORT TARGET-PORT DIRECTORY
#
# For the n-th message, DIRECTORY/n.eml holds the octets between DATA's 354 and the final dot, with
# dot-stuffing undone, and DIRECTORY/n.smtp what was said around it ("C: " and "S: " lines). A file
# has its name only once it is complete, and the message was answered. Ends with SIGTERM.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

my ($port, $target, $directory) = @ARGV;
die "usage: wiretap.pl PORT TARGET-PORT DIRECTORY\n" unless defined $directory;

my $number = 0;
my $select = IO::Select->new;
my %connection;    # of either socket's fileno
local $SIG{TERM} = sub { exit 0 };
local $SIG{PIPE} = 'IGNORE';

sub save {
    my ($name, $bytes) = @_;
    my $path = "$directory/$name";
    open my $file, '>:raw', "$path.part" or die "$path.part: $!\n";
    print {$file} $bytes or die "$path.part: $!\n";
    close $file or die "$path.part: $!\n";
    rename "$path.part", $path or die "$path: $!\n";
    return;
}

sub keep_message {
    my ($c) = @_;
    $number++;
    $c->{data} =~ s/(^|\r\n)\./$1/g;
    save("$number.smtp", $c->{talk});
    save("$number.eml",  $c->{data});
    $c->{talk} = '';
    $c->{data} = '';
    return;
}

# What the client says: commands, or after 354 the message.
sub from_client {
    my ($c, $bytes) = @_;
    if ($c->{state} ne 'data') {
        $c->{talk} .= join '', map {"C: $_\n"} grep { length } split /\r?\n/, $bytes;
        return;
    }
    $c->{data} .= $bytes;
    # The dot alone on a line, at the end of what was sent: nothing is pipelined behind it before
    # the answer except by clients that send QUIT along.
    if ($c->{data} =~ s/(^|\r\n)\.\r\n(QUIT\r\n)?\z/$1/) {
        $c->{state} = 'answer';
    }
    return;
}

sub from_server {
    my ($c, $bytes) = @_;
    $c->{talk} .= join '', map {"S: $_\n"} grep { length } split /\r?\n/, $bytes;
    if ($c->{state} eq 'talk' && $bytes =~ /^354/m) {
        $c->{state} = 'data';
    }
    elsif ($c->{state} eq 'answer' && $bytes =~ /^[245]\d\d/m) {
        $c->{state} = 'talk';
        keep_message($c);
    }
    return;
}

sub drop {
    my ($c) = @_;
    for my $socket ($c->{client}, $c->{server}) {
        next unless $socket;
        $select->remove($socket);
        delete $connection{ fileno $socket };
        close $socket;
    }
    return;
}

sub pass {
    my ($socket) = @_;
    my $c        = $connection{ fileno $socket } or return;
    my $is_client = $socket == $c->{client};
    my $count    = sysread $socket, my $bytes, 65536;
    return drop($c) unless $count;
    # Recorded first: once the peer has the answer, the files must be there.
    $is_client ? from_client($c, $bytes) : from_server($c, $bytes);
    my $other = $is_client ? $c->{server} : $c->{client};
    my $done  = 0;
    while ($done < length $bytes) {
        my $written = syswrite $other, $bytes, length($bytes) - $done, $done;
        return drop($c) unless $written;
        $done += $written;
    }
    return;
}

my $listener = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 64, ReuseAddr => 1, Proto => 'tcp'
) or die "port $port: $!\n";
$select->add($listener);
while (1) {
    for my $socket ($select->can_read) {
        if ($socket != $listener) {
            pass($socket);
            next;
        }
        my $client = $listener->accept or next;
        my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $target);
        if (!$server) {
            print {$client} "421 4.3.2 The server behind the wire tap does not answer\r\n";
            close $client;
            next;
        }
        my $c = { client => $client, server => $server, state => 'talk', talk => '', data => '' };
        for my $end ($client, $server) {
            $connection{ fileno $end } = $c;
            $select->add($end);
        }
    }
}
