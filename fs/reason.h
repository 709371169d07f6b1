/*
 * reason.h - the reason of a refusal for which the kind had no words.
 */
#ifndef IPCFS_REASON_H
#define IPCFS_REASON_H

#include "backend.h"

/*
 * Fills call->reason, if it is empty, with what @error (positive) means for the object @place and
 * what can be done about it.  May leave it empty: the errno says it all.
 */
void reason_complete(struct call *call, const struct place *place, int error);

#endif
