/**
 * Names of numbers that are the same on every kernel and network: TCP states and flags, protocols,
 * addresses.
 */
package io.bianque.streams.names;
