#!/usr/bin/perl
# An SMTP client that passes the octets of a message on untouched (dots are stuffed, nothing else).
#
#   smtp_client.pl --port PORT [--login NAME:PASSWORD] --from ADDRESS --to ADDRESS... [OPTIONS] FILE...
#
#   --unix PATH        a Unix socket in place of the port
#   --client ADDRESS   come from this address of the machine
#   --lf               the files have LF line ends: send CRLF
#   --starttls         speak TLS, whatever the server's certificate is
#   --mail-args TEXT   after MAIL FROM:<...>, such as "BODY=8BITMIME"
#   --rcpt-args TEXT   after each RCPT TO:<...>
#   --pause-before STEP --pause-file FILE
#                      STEP: "data", "half" (of the message) or "dot"; there make FILE and go on when
#                      somebody has removed it
#   --each             a message each for every recipient that gets 452, as clients do
#   --dead-end         after the message hang up without reading the answer
#   --timeout SECONDS  for one answer (60)
#
# All messages go over one connection. Each answer is printed as "STEP: CODE TEXT", the lines of a
# long one joined by " / ". Exit: 0 all messages accepted for all recipients; 1 something was refused
# (5xx); 75 something was deferred (4xx) and nothing refused; 2 the connection broke.
use strict;
use warnings;
use Getopt::Long;
use IO::Socket::INET;
use IO::Socket::UNIX;
use MIME::Base64;

my %opt = (from => '', timeout => 60);
GetOptions(\%opt, 'port=i', 'login=s', 'from=s', 'to=s@', 'lf', 'starttls', 'mail-args=s',
    'rcpt-args=s', 'pause-before=s', 'pause-file=s', 'each', 'dead-end', 'timeout=i', 'unix=s',
    'client=s') or exit 64;
die "smtp_client.pl: --port, --to and a file are needed\n"
    unless ($opt{port} || $opt{unix}) && $opt{to} && @ARGV;
$| = 1;

my $worst = 0;    # 0, 4 or 5
my $socket;

sub broken {
    print "connection: $_[0]\n";
    exit 2;
}
local $SIG{ALRM} = sub { broken("no answer within $opt{timeout} s") };
local $SIG{PIPE} = 'IGNORE';

sub answer {
    my ($step) = @_;
    my @lines;
    alarm $opt{timeout};
    while (1) {
        my $line = <$socket>;
        broken("closed at $step") unless defined $line;
        $line =~ s/\r?\n\z//;
        $line =~ /^(\d{3})([ -]?)(.*)/s or broken("not SMTP: $line");
        push @lines, @lines ? $3 : "$1 $3";
        last if $2 ne '-';
    }
    alarm 0;
    my $text = join ' / ', @lines;
    print "$step: $text\n" unless $step eq 'EHLO' || $step eq 'QUIT';
    return substr $text, 0, 1;
}

sub put {
    my ($bytes) = @_;
    my $done = 0;
    alarm $opt{timeout};
    while ($done < length $bytes) {
        my $written = syswrite $socket, $bytes, length($bytes) - $done, $done;
        broken("closed while sending: $!") unless $written;
        $done += $written;
    }
    alarm 0;
    return;
}

sub command {
    my ($step, $text) = @_;
    put("$text\r\n");
    my $class = answer($step);
    $worst = $class if $class > 3 && $class > $worst;
    return $class;
}

sub pause {
    my ($step) = @_;
    return unless ($opt{'pause-before'} // '') eq $step;
    my $path = $opt{'pause-file'};
    open my $file, '>', $path or die "$path: $!\n";
    close $file;
    for (1 .. 1200) {
        return unless -e $path;
        select undef, undef, undef, 0.05;
    }
    broken('nobody removed the pause file');
    return;
}

sub message {
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path: $!\n";
    local $/ = undef;
    my $bytes = <$file> // '';
    close $file;
    $bytes =~ s/(?<!\r)\n/\r\n/g if $opt{lf};
    $bytes =~ s/(^|\n)\./$1../g;
    $bytes .= "\r\n" unless $bytes =~ /\r\n\z/;
    return $bytes;
}

# Returns the recipients that are to be tried in a transaction of their own.
sub transaction {
    my ($bytes, @to) = @_;
    my $args = $opt{'mail-args'} ? " $opt{'mail-args'}" : '';
    if (command('MAIL', "MAIL FROM:<$opt{from}>$args") > 3) {
        return;
    }
    my ($accepted, @again) = (0);
    for my $to (@to) {
        $args = $opt{'rcpt-args'} ? " $opt{'rcpt-args'}" : '';
        put("RCPT TO:<$to>$args\r\n");
        my $class = answer("RCPT $to");
        if    ($class == 2)                  { $accepted++ }
        elsif ($class == 4 && $opt{each})    { push @again, $to }
        else                                 { $worst = $class if $class > $worst }
    }
    if (!$accepted) {
        command('RSET', 'RSET');
        $worst = 4 if @again && $worst < 4;
        return;
    }
    pause('data');
    if (command('DATA', 'DATA') == 3) {
        my $half = int(length($bytes) / 2);
        put(substr $bytes, 0, $half);
        pause('half');
        put(substr $bytes, $half);
        pause('dot');
        put(".\r\n");
        exit 0 if $opt{'dead-end'};
        my $class = answer('END');
        $worst = $class if $class > 3 && $class > $worst;
    }
    return @again;
}

$socket = $opt{unix}
    ? IO::Socket::UNIX->new(Peer => $opt{unix}, Timeout => 10)
    : IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $opt{port}, Timeout => 10,
        LocalAddr => $opt{client});
$socket or broken($!);
{
    local $/ = "\n";
    answer('CONNECT') == 2 or exit 75;
    command('EHLO', 'EHLO client.example.net') == 2 or exit 75;
    if ($opt{starttls}) {
        require IO::Socket::SSL;
        command('STARTTLS', 'STARTTLS') == 2 or exit 75;
        IO::Socket::SSL->start_SSL($socket, SSL_verify_mode => 0)
            or broken('TLS: ' . IO::Socket::SSL::errstr());
        command('EHLO', 'EHLO client.example.net') == 2 or exit 75;
    }
    if ($opt{login}) {
        my ($name, $password) = split /:/, $opt{login}, 2;
        my $class = command('AUTH', 'AUTH PLAIN ' . encode_base64("\0$name\0$password", ''));
        exit($class == 4 ? 75 : 1) if $class != 2;
    }
    for my $path (@ARGV) {
        my $bytes = message($path);
        my @to    = @{ $opt{to} };
        @to = transaction($bytes, @to) while @to;
    }
    command('QUIT', 'QUIT');
}
exit($worst == 5 ? 1 : $worst == 4 ? 75 : 0);
