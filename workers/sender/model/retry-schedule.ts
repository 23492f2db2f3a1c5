/**
 * When a failed attempt is tried again. The ten attempts over 75 hours are those of the Standard Webhooks
 * specification, "Deliverability and reliability".
 */
export const RETRY_DELAYS_SECONDS = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400] as const;
