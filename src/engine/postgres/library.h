/* libpq, loaded when it is first needed: as engine/duckdb/library.h, which tells how it works. */
#ifndef MARROW_ENGINE_POSTGRES_LIBRARY_H
#define MARROW_ENGINE_POSTGRES_LIBRARY_H

#include <libpq-fe.h>

#include "base/err.h"

/* clang-format off */
#define LIBPQ_FUNCTIONS(X) \
    X(cancel) X(clear) X(connectPoll) X(connectStartParams) X(connectionNeedsPassword) \
    X(conninfo) X(conninfoFree) X(conninfoParse) X(consumeInput) X(errorMessage) X(finish) \
    X(flush) X(fmod) X(fname) X(freeCancel) X(freemem) X(ftype) X(getCancel) X(getCopyData) \
    X(getResult) X(getisnull) X(getlength) X(getvalue) X(isBusy) X(nfields) X(nparams) \
    X(ntuples) X(parameterStatus) X(putCopyData) X(putCopyEnd) X(resultErrorField) \
    X(resultErrorMessage) X(resultMemorySize) X(resultStatus) X(sendDescribePrepared) \
    X(sendPrepare) X(sendQuery) X(sendQueryPrepared) X(serverVersion) X(setNoticeReceiver) \
    X(setSingleRowMode) X(setnonblocking) X(socket) X(status) X(transactionStatus)
/* clang-format on */

struct libpq_functions {
#define LIBPQ_MEMBER(name) __typeof__(PQ##name) *name;
    LIBPQ_FUNCTIONS(LIBPQ_MEMBER)
#undef LIBPQ_MEMBER
};
extern struct libpq_functions libpq; /* filled by libpq_load, constant from then on */

/* Fill it (base/library.h): before any other call. ERR_UNSUPPORTED: not found, or too old. Any
 * thread. */
enum err_code libpq_load(struct err *err) WARN_UNUSED;

#define PQcancel libpq.cancel
#define PQclear libpq.clear
#define PQconnectPoll libpq.connectPoll
#define PQconnectStartParams libpq.connectStartParams
#define PQconnectionNeedsPassword libpq.connectionNeedsPassword
#define PQconninfo libpq.conninfo
#define PQconninfoFree libpq.conninfoFree
#define PQconninfoParse libpq.conninfoParse
#define PQconsumeInput libpq.consumeInput
#define PQerrorMessage libpq.errorMessage
#define PQfinish libpq.finish
#define PQflush libpq.flush
#define PQfmod libpq.fmod
#define PQfname libpq.fname
#define PQfreeCancel libpq.freeCancel
#define PQfreemem libpq.freemem
#define PQftype libpq.ftype
#define PQgetCancel libpq.getCancel
#define PQgetCopyData libpq.getCopyData
#define PQgetResult libpq.getResult
#define PQgetisnull libpq.getisnull
#define PQgetlength libpq.getlength
#define PQgetvalue libpq.getvalue
#define PQisBusy libpq.isBusy
#define PQnfields libpq.nfields
#define PQnparams libpq.nparams
#define PQntuples libpq.ntuples
#define PQparameterStatus libpq.parameterStatus
#define PQputCopyData libpq.putCopyData
#define PQputCopyEnd libpq.putCopyEnd
#define PQresultErrorField libpq.resultErrorField
#define PQresultErrorMessage libpq.resultErrorMessage
#define PQresultMemorySize libpq.resultMemorySize
#define PQresultStatus libpq.resultStatus
#define PQsendDescribePrepared libpq.sendDescribePrepared
#define PQsendPrepare libpq.sendPrepare
#define PQsendQuery libpq.sendQuery
#define PQsendQueryPrepared libpq.sendQueryPrepared
#define PQserverVersion libpq.serverVersion
#define PQsetNoticeReceiver libpq.setNoticeReceiver
#define PQsetSingleRowMode libpq.setSingleRowMode
#define PQsetnonblocking libpq.setnonblocking
#define PQsocket libpq.socket
#define PQstatus libpq.status
#define PQtransactionStatus libpq.transactionStatus

#endif
