/**
 * What the cgroups of hosts are, kept beyond their end, so that an event that comes late finds the
 * container that it happened in. A cgroup of one boot is never taken for another's.
 */
package io.bianque.streams.container;
