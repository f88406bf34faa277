# smimed: build, test, install. `make demo` and `make check` need nothing prepared.
#
#   make                  smimed and smimectl in build/plain
#   make demo             two mail servers exchange signed and encrypted mail
#   make check            builds and runs every test; the last line says how many passed
#   make bench, soak      speed and memory of a running smimed
#   make install          DESTDIR= PREFIX= sysconfdir=
#
# VARIANT=asan builds with AddressSanitizer and UndefinedBehaviorSanitizer into build/asan,
# VARIANT=fuzz CC=clang the fuzz targets into build/fuzz. B= names another folder to build in.

VERSION  = 0.1.0
CC      ?= cc
VARIANT ?= plain
B       ?= build/$(VARIANT)

PREFIX     ?= /usr/local
sysconfdir    ?= /etc
localstatedir ?= /var

PKGS     = libconfig gmime-3.0 libxml-2.0 jansson sqlite3 p11-kit-1 libidn2 ldap libcurl libunbound libssl libcrypto
WARN     = -Wall -Wextra -Wshadow -Wconversion $(WERROR)
OPT_plain = -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
OPT_asan  = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT_fuzz  = -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
LD_plain  = -pie -Wl,-z,relro,-z,now
LD_asan   = -fsanitize=address,undefined
LD_fuzz   = -fsanitize=fuzzer,address,undefined
OPT      ?= $(OPT_$(VARIANT))
ALL_CFLAGS = -std=gnu17 $(WARN) $(OPT) -pthread -D_GNU_SOURCE -DSMIMED_VERSION='"$(VERSION)"' $(CFLAGS)

# What each folder may see (DESIGN section 8); the compiler enforces it. Only for "..." includes, so
# that no header of ours hides one of a library (<check.h>).
SEE_address =
SEE_rules   = -iquote address
SEE_store   = -iquote address
SEE_smime   = -iquote address
SEE_daemon/network    = -iquote address
SEE_daemon/revocation = $(SEE_libraries) -iquote daemon/network
SEE_daemon/directory  = $(SEE_libraries) -iquote daemon/network
SEE_daemon/enrolment  = $(SEE_libraries) -iquote daemon/network
SEE_daemon  = $(SEE_libraries) $(SEE_rooms)
SEE_admin   = $(SEE_libraries) -iquote daemon $(SEE_rooms)
SEE_tests   = $(SEE_admin) -iquote admin -iquote tests -iquote tests/daemon/network -iquote tests/store
SEE_libraries = -iquote address -iquote rules -iquote store -iquote smime
SEE_rooms     = $(ROOMS:%=-iquote %)

USE_address = libidn2
USE_rules   = libconfig
USE_store   = sqlite3 p11-kit-1 libcrypto
USE_smime   = gmime-3.0 libxml-2.0 libcrypto
USE_daemon/network    = libcurl ldap libssl libcrypto
USE_daemon/revocation = libcrypto
USE_daemon/directory  = ldap libunbound libcrypto
USE_daemon/enrolment  = ldap libcrypto
USE_daemon  = libcrypto
USE_admin   = jansson ldap libcrypto
USE_tests   = check libcrypto gmime-3.0 jansson

# Rooms of the daemon that smimectl uses too.
ROOMS   = daemon/network daemon/revocation daemon/directory daemon/enrolment
FOLDERS = address rules store smime daemon $(ROOMS) admin
LIB_SRC = $(wildcard address/*.c rules/*.c store/*.c smime/*.c $(ROOMS:%=%/*.c)) \
          $(filter-out daemon/main.c daemon/milter.c,$(wildcard daemon/*.c))
LIB_OBJ = $(LIB_SRC:%.c=$(B)/%.o)
DAEMON_OBJ = $(B)/daemon/main.o $(B)/daemon/milter.o
ADMIN_OBJ  = $(patsubst %.c,$(B)/%.o,$(wildcard admin/*.c))
LIBS    := $(shell pkg-config --libs $(PKGS) 2>/dev/null)

all: $(B)/smimed $(B)/smimectl

# Without the development packages the compiler's own words would not say what to do.
packages:
	@pkg-config --exists $(PKGS) 2>/dev/null && echo '#include <libmilter/mfapi.h>' | $(CC) -E - >/dev/null 2>&1 || \
	{ echo 'Something that smimed is built with is missing. On Debian this installs it:'; \
	  echo '    make build-deps'; \
	  echo 'or by hand: apt-get install' `sed 's/#.*//' .ci/packages.txt`; exit 1; } >&2

# What was compiled with other flags or by another compiler is compiled anew.
quote = '$(subst ','\'',$(1))'
FLAGS = $(if $(findstring clang,$(CC)),clang,cc) $(filter-out -Werror,$(ALL_CFLAGS))
$(B)/flags: always
	@mkdir -p $(@D)
	@printf '%s\n' $(call quote,$(FLAGS)) | cmp -s - $@ || printf '%s\n' $(call quote,$(FLAGS)) >$@

$(B)/libsmimed.a: $(LIB_OBJ)
	@rm -f $@.new
	ar rcs $@.new $^
	@mv $@.new $@

$(B)/smimed: $(DAEMON_OBJ) $(B)/libsmimed.a
	$(CC) $(ALL_CFLAGS) $(LD_$(VARIANT)) -o $@ $^ -lmilter $(LIBS) $(LDFLAGS)

$(B)/smimectl: $(ADMIN_OBJ) $(B)/libsmimed.a
	$(CC) $(ALL_CFLAGS) $(LD_$(VARIANT)) -o $@ $^ $(LIBS) $(LDFLAGS)

define folder_rule
CFLAGS_$(1) := $$(shell pkg-config --cflags $$(USE_$(1)) 2>/dev/null | sed 's/-I/-isystem /g')
$$(B)/$(1)/%.o: $(1)/%.c $$(B)/flags | packages
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) $$(SEE_$(1)) $$(CFLAGS_$(1)) -MMD -MP -c -o $$@ $$<
endef
$(foreach f,$(FOLDERS),$(eval $(call folder_rule,$(f))))

# Tests: each tests/<folder>/test_*.c is one Check program; those of smimectl see its objects too.
TEST_SRC  = $(wildcard tests/*/test_*.c tests/*/*/test_*.c)
TEST_BIN  = $(TEST_SRC:%.c=$(B)/%)
ADMIN_TEST_OBJ = $(filter-out $(B)/admin/main.o,$(ADMIN_OBJ))
CFLAGS_tests := $(shell pkg-config --cflags $(USE_tests) 2>/dev/null | sed 's/-I/-isystem /g')
LIBS_tests   := $(shell pkg-config --libs check 2>/dev/null)
define test_recipe
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(SEE_tests) $(CFLAGS_tests) $(LD_$(VARIANT)) -MMD -MP -MF $@.d -o $@ $(filter %.c %.o,$^) \
	    $(B)/libsmimed.a $(LIBS) $(LIBS_tests) $(LDFLAGS)
endef
$(B)/tests/admin/%: tests/admin/%.c $(ADMIN_TEST_OBJ) $(B)/libsmimed.a
	$(test_recipe)
$(B)/tests/bench/bench: tests/bench/bench.c tests/bench/load.c tests/bench/worker_cost.c \
                       $(wildcard tests/bench/*.h) tests/milter_client.h $(B)/libsmimed.a
	$(test_recipe)
$(B)/tests/%: tests/%.c $(B)/libsmimed.a
	$(test_recipe)
$(B)/tests/admin/test_import_many: $(B)/tests/tools/make_certificates
$(B)/tests/fuzz/fuzz_backup_envelope: $(B)/admin/backup_envelope.o
$(B)/tests/fuzz/fuzz_csv: $(B)/admin/csv.o
$(B)/tests/fuzz/fuzz_postfix_text: $(B)/admin/postfix_text.o
$(B)/tests/fuzz/fuzz_milter_list: $(B)/admin/milter_list.o

# Fuzz targets: tests/fuzz/fuzz_*.c, seeds in tests/fuzz/seeds/<name>/ (make VARIANT=fuzz CC=clang fuzzers).
FUZZ_BIN = $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
TOOL_BIN = $(patsubst %.c,$(B)/%,$(wildcard tests/tools/*.c)) $(B)/tests/bench/bench
fuzzers: $(FUZZ_BIN)
tests-programs: $(TEST_BIN)
tools: $(TOOL_BIN)

# Packages are installed by one make; the next one, which pkg-config can tell all, builds.
TEST_PACKAGES = tests/packages.txt tests/e2e/packages.txt tests/interop/packages.txt
build-deps:
	@tests/check/deps.sh .ci/packages.txt
deps:
	@tests/check/deps.sh .ci/packages.txt $(TEST_PACKAGES)

check:
	@tests/check/deps.sh .ci/packages.txt $(TEST_PACKAGES)
	@tests/check/run.sh

# What a running smimed costs, and whether its memory grows. Takes a minute, and some.
bench: all $(B)/tests/bench/bench
	@SMIMED_BUILD=$(B) tests/bench/bench.sh
soak: all $(B)/tests/bench/bench
	@SMIMED_BUILD=$(B) tests/bench/bench.sh --soak

# Installation, with everything where Debian expects it when PREFIX=/usr. DESTDIR= goes before each
# path. An existing smimed.conf is never overwritten. Directories with keys or clear text belong to
# the user smimed, if there is one on this machine already (README.md says how to make it).
sbindir  ?= $(PREFIX)/sbin
mandir   ?= $(PREFIX)/share/man
docdir   ?= $(PREFIX)/share/doc/smimed
bashdir  ?= $(PREFIX)/share/bash-completion/completions
unitdir  ?= $(if $(filter /usr,$(PREFIX)),/lib,$(PREFIX)/lib)/systemd/system
CONFIG    = $(sysconfdir)/smimed/smimed.conf
EXAMPLES  = smimed.conf.minimal smimed.conf.full rules.conf postfix-main.cf postfix-master.cf sendmail.mc report.txt notice.txt sender-notice.txt summary.txt
PAGES     = $(wildcard man/smimed.8 man/smimectl.8 man/smimed.conf.5)
OWNER     = $(if $(DESTDIR),,$(shell [ `id -u` = 0 ] && getent passwd smimed >/dev/null && echo -o smimed -g smimed))

install: all
	install -d $(DESTDIR)$(sbindir) $(DESTDIR)$(mandir)/man5 $(DESTDIR)$(mandir)/man8
	install -d $(DESTDIR)$(docdir)/examples $(DESTDIR)$(unitdir) $(DESTDIR)$(sysconfdir)/smimed
	install -d $(DESTDIR)$(bashdir)
	install -d -m 0700 $(OWNER) $(DESTDIR)$(localstatedir)/lib/smimed $(DESTDIR)$(localstatedir)/spool/smimed
	install -m 0755 $(B)/smimed $(B)/smimectl $(DESTDIR)$(sbindir)
	for page in $(PAGES); do \
	    install -m 0644 $$page $(DESTDIR)$(mandir)/man$${page##*.}/ || exit 1; done
	install -m 0644 README.md $(DESTDIR)$(docdir)
	cd etc && install -m 0644 $(EXAMPLES) $(DESTDIR)$(docdir)/examples
	[ -e $(DESTDIR)$(CONFIG) ] || install -m 0644 etc/smimed.conf.minimal $(DESTDIR)$(CONFIG)
	sed -e 's,@sbindir@,$(sbindir),g' -e 's,@config@,$(CONFIG),g' etc/smimed.service.in >$(B)/smimed.service
	install -m 0644 $(B)/smimed.service $(DESTDIR)$(unitdir)
	install -m 0644 etc/smimectl.bash-completion $(DESTDIR)$(bashdir)/smimectl

# Takes away what install put there, but no configuration, no keys and no mail.
uninstall:
	rm -f $(DESTDIR)$(sbindir)/smimed $(DESTDIR)$(sbindir)/smimectl $(DESTDIR)$(unitdir)/smimed.service
	rm -f $(DESTDIR)$(mandir)/man8/smimed.8 $(DESTDIR)$(mandir)/man8/smimectl.8 $(DESTDIR)$(mandir)/man5/smimed.conf.5
	rm -f $(DESTDIR)$(bashdir)/smimectl
	rm -rf $(DESTDIR)$(docdir)

-include tests/e2e/e2e.mk

clean:
	rm -rf build

.PHONY: all always bench build-deps check clean deps fuzzers install packages soak tests-programs tools uninstall
-include $(LIB_OBJ:.o=.d) $(DAEMON_OBJ:.o=.d) $(ADMIN_OBJ:.o=.d)
-include $(TEST_BIN:=.d) $(FUZZ_BIN:=.d) $(TOOL_BIN:=.d)
