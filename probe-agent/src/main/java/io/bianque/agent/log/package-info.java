/**
 * The binding of the logging interface that the agent's libraries use: one line an entry to stderr.
 * Two small classes, where the usual simple binding loads locales and calendars to print the time,
 * which stay resident.
 */
package io.bianque.agent.log;
