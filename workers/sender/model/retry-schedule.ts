/**
 * Waits after each failed attempt: ten attempts over 75 hours, as the Standard Webhooks specification has them,
 * "Deliverability and reliability".
 */
export const RETRY_DELAYS_SECONDS = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400] as const;
