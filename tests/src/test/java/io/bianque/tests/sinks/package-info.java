/**
 * The sinks on a real Connect worker, against real servers: what is written, what is not written
 * twice, and what becomes of it when a part is killed.
 */
package io.bianque.tests.sinks;
