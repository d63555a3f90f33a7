/**
 * The binding of the logging interface that the agent's libraries use: one line an entry to stderr.
 * Two small classes, where the usual simple binding loads locales and calendars (some 3 MB
 * resident) to print the time.
 */
package io.bianque.agent.log;
