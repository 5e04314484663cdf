/** The library's own thread. It owns the connection to the broker. */
#ifndef PV_IO_H
#define PV_IO_H

/** The thread's function; client is the pv_client. Returns NULL when client->closing is set. */
void *io_main(void *client);

#endif
