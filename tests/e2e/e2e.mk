# Included by the Makefile: the demo, and the tests through a real Postfix. Packages are installed
# first, and a second make builds, because pkg-config knows them only then.
E2E_BUILD = $(if $(filter /%,$(B)),$(B),$(CURDIR)/$(B))

demo:
	@tests/check/deps.sh .ci/packages.txt tests/e2e/packages.txt
	@$(MAKE) --no-print-directory -s all
	@SMIMED=$(E2E_BUILD)/smimed SMIMECTL=$(E2E_BUILD)/smimectl tests/e2e/demo.sh

e2e:
	@tests/check/deps.sh .ci/packages.txt tests/e2e/packages.txt
	@$(MAKE) --no-print-directory -s all $(B)/tests/tools/hand_over
	@SMIMED=$(E2E_BUILD)/smimed SMIMECTL=$(E2E_BUILD)/smimectl tests/e2e/run.sh

.PHONY: demo e2e
