/**
 * From addresses, and offsets in files, to names of functions: tables of symbols that hosts
 * published, one for each build id, and the lookup of a frame in them.
 *
 * <p>Promises that a frame is never given a name that is not its own: a lookup ends at the end of
 * the text it belongs to, and an address in no known text stays an address. It knows nothing of
 * events.
 */
package io.bianque.streams.symbol;
