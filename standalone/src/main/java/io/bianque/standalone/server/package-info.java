/**
 * The third-party servers as Maven delivered them: checked against committed checksums, then
 * unpacked.
 */
package io.bianque.standalone.server;
