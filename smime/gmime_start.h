/* GMime, initialised exactly once for the whole process. */
#ifndef SMIME_GMIME_START_H
#define SMIME_GMIME_START_H

/* To be called before any other GMime function; cheap, from any thread. GMime is never shut down:
 * another thread may still use it. */
void gmime_start(void);

#endif
