/**
 * The waiting room: records that cannot leave yet, kept in a store that survives the process, in
 * the order in which they came from each host. It knows neither what a record is nor what it waits
 * for.
 */
package io.bianque.streams.waiting;
